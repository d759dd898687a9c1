//! `EXPLAIN`: the dataflow of a job, and, once it ran, what each operator did.

use tidemill_engine::Delivery;
use tidemill_engine::metrics::OperatorFigures;

use crate::plan::{Node, NodeKind};

/// A job's operators, sinks first, each below the one that takes its rows.
pub fn explain(nodes: &[Node], figures: Option<&[OperatorFigures]>) -> String {
    let mut text = String::new();
    for sink in nodes.iter().filter(|node| matches!(node.kind, NodeKind::Sink(_))) {
        show(sink, nodes, figures, 0, &mut Vec::new(), &mut text);
    }
    text
}

fn show<'n>(
    node: &'n Node,
    nodes: &'n [Node],
    figures: Option<&[OperatorFigures]>,
    depth: usize,
    shown: &mut Vec<&'n str>,
    text: &mut String,
) {
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{}", node.name));
    if shown.contains(&node.name.as_str()) {
        text.push_str(" (shown above)\n");
        return;
    }
    shown.push(&node.name);
    text.push_str(&format!(": {}", node.about));
    if let Some(key) = &node.key {
        text.push_str(&format!("; by {key}"));
    }
    if let Some(state) = &node.state {
        text.push_str(&format!("; keeps {state}"));
    }
    match node.kind {
        NodeKind::Sink(Delivery::Append) if node.name != "sink terminal" => {
            text.push_str(" (after a crash rows since the last checkpoint come again)");
        }
        _ if node.changes => text.push_str("; revises rows"),
        _ => {}
    }
    if let Some(figures) = figures {
        text.push_str(&format!("\n{indent}  {}", did(&node.name, figures)));
    }
    text.push('\n');
    for input in &node.inputs {
        if let Some(input) = nodes.iter().find(|node| node.name == *input) {
            show(input, nodes, figures, depth + 1, shown, text);
        }
    }
}

/// What an operator did on all workers together.
fn did(name: &str, figures: &[OperatorFigures]) -> String {
    let own: Vec<&OperatorFigures> = figures.iter().filter(|figures| figures.operator == name).collect();
    let sum = |of: &dyn Fn(&OperatorFigures) -> u64| own.iter().map(|figures| of(figures)).sum::<u64>();
    let mut said = vec![
        format!("in {}, out {}", sum(&|f| f.rows_in), sum(&|f| f.rows_out)),
        format!("busy {} ms", sum(&|f| f.busy_ns) / 1_000_000),
    ];
    let counted =
        [(sum(&|f| f.late_rows), "late"), (sum(&|f| f.errors), "could not be read"), (sum(&|f| f.state_keys), "keys")];
    said.extend(counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    said.push(match watermark(name, figures) {
        None => "no watermark yet".to_owned(),
        Some(i64::MAX) => "input ended".to_owned(),
        Some(micros) => format!("watermark {}", time(micros)),
    });
    if own.iter().all(|figures| figures.idle) && !own.is_empty() {
        said.push("idle: holds no watermark back".to_owned());
    }
    said.join(", ")
}

/// The watermark of an operator: the least of its workers, but for those of a source that have nothing for now.
fn watermark(name: &str, figures: &[OperatorFigures]) -> Option<i64> {
    let own = || figures.iter().filter(|figures| figures.operator == name);
    let busy = own().filter(|figures| !figures.idle).map(|figures| figures.watermark_us).min();
    busy.unwrap_or_else(|| own().map(|figures| figures.watermark_us).max().flatten())
}

fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| format!("{micros} µs"), |time| time.to_string())
}

/// Which source an operator's watermark waits for, and where that one is.
fn held_by(node: &Node, nodes: &[Node], figures: &[OperatorFigures]) -> Option<String> {
    let (mut sources, mut names, mut at) = (Vec::new(), node.inputs.clone(), 0);
    while let Some(name) = names.get(at).cloned() {
        at += 1;
        let Some(input) = nodes.iter().find(|node| node.name == name) else { continue };
        if matches!(input.kind, NodeKind::Source) {
            sources.push(&input.name);
        }
        for behind in &input.inputs {
            if !names.contains(behind) {
                names.push(behind.clone());
            }
        }
    }
    let is_idle = |name: &str| figures.iter().filter(|f| f.operator == name).all(|f| f.idle);
    let holding = sources.into_iter().filter(|name| !is_idle(name)).map(|name| (watermark(name, figures), name));
    Some(match holding.min()? {
        (_, source) if rows_in(source, figures) == 0 => {
            format!("{source} holds the watermark: no row has come in; 'scan.watermark.idle-timeout' lets others go on")
        }
        (None, source) => format!("{source} holds the watermark: it has none; declare one, WATERMARK FOR"),
        (Some(i64::MAX), _) => return None,
        (Some(micros), source) => format!("{source} holds the watermark, at {}", time(micros)),
    })
}

fn rows_in(name: &str, figures: &[OperatorFigures]) -> u64 {
    figures.iter().filter(|figures| figures.operator == name).map(|figures| figures.rows_in).sum()
}

/// Why a query puts out nothing, where that can be told: the first operator, from the sources on, that got rows and gave none.
pub fn why_nothing(nodes: &[Node], figures: &[OperatorFigures]) -> Vec<String> {
    let sum = |name: &str, of: &dyn Fn(&OperatorFigures) -> u64| {
        figures.iter().filter(|figures| figures.operator == name).map(of).sum::<u64>()
    };
    let mut reasons = Vec::new();
    for node in nodes {
        let (rows_in, rows_out) = (sum(&node.name, &|f| f.rows_in), sum(&node.name, &|f| f.rows_out));
        let late = sum(&node.name, &|f| f.late_rows);
        match node.kind {
            NodeKind::Source if rows_out == 0 => {
                let errors = sum(&node.name, &|f| f.errors);
                reasons.push(match errors {
                    0 => format!("{}: no row has come in", node.name),
                    errors => format!("{}: {errors} records could not be read, none could", node.name),
                });
            }
            NodeKind::Operator if rows_in > 0 && rows_out == 0 => {
                let waits = node.state.is_some();
                let held = held_by(node, nodes, figures);
                reasons.push(match (waits, watermark(&node.name, figures)) {
                    _ if late == rows_in => format!("{}: all {late} rows came behind the watermark", node.name),
                    (true, None) => format!(
                        "{}: {rows_in} rows wait for a watermark, and none has come: {}",
                        node.name,
                        held.unwrap_or_else(|| "its sources are idle".to_owned())
                    ),
                    (true, Some(_)) => {
                        let held = held.map(|held| format!("; {held}")).unwrap_or_default();
                        let keys = sum(&node.name, &|f| f.state_keys);
                        format!("{}: {rows_in} rows wait, {keys} keys are kept{held}", node.name)
                    }
                    (false, _) => format!("{}: none of {rows_in} rows passed ({})", node.name, node.about),
                });
            }
            NodeKind::Source | NodeKind::Operator | NodeKind::Sink(_) => {}
        }
    }
    reasons
}
