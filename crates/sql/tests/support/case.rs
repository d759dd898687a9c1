//! A file of cases:
//!
//! ```sql
//! --! file bids.csv          given once, for all cases of the file
//! --| 1,10
//! --! setup
//! CREATE TABLE …;            done before each case
//! --! before
//! INSERT …;                  run to the end before each case
//! --! case sums by key
//! SELECT …;
//! --! then
//! SELECT …;                  run when the case has ended: its rows come behind those of the case
//! --! flink differs: why     Flink gives other rows
//! --! datafusion differs: why
//! --! rows                   what comes out: consolidated, sorted
//! --| 1 | 10
//! ```

/// A case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Files that are there, by name.
    pub(crate) files: Vec<(String, String)>,
    /// What is declared first.
    pub(crate) setup: String,
    /// What is run before.
    pub(crate) before: String,
    /// The case itself.
    pub(crate) sql: String,
    /// What is run behind it.
    pub(crate) then: String,
    /// The rows that it must give, or a line that begins with `error: `.
    pub(crate) rows: Vec<String>,
    /// Whether it says which rows: none is an answer, too.
    pub(crate) told: bool,
    /// Why Flink gives other rows.
    pub(crate) flink_differs: Option<String>,
    /// Why DataFusion gives other rows.
    pub(crate) datafusion_differs: Option<String>,
}

impl Case {
    pub(crate) fn is_error(&self) -> bool {
        self.rows.first().is_some_and(|row| row.starts_with("error: "))
    }

    /// Whether it is of the dialect that Flink knows.
    pub(crate) fn is_streaming(&self) -> bool {
        !self.setup.contains("-- dialect: kinesis")
    }
}

enum Section {
    None,
    File(String),
    Setup,
    Before,
    Case,
    Then,
    Rows,
}

/// The cases of a file.
pub(crate) fn cases(text: &str) -> Vec<Case> {
    let (mut files, mut setup, mut before, mut cases): (Vec<(String, String)>, String, String, Vec<Case>) =
        Default::default();
    let mut section = Section::None;
    for line in text.lines() {
        if let Some(directive) = line.strip_prefix("--! ") {
            let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
            section = match word {
                "file" => {
                    files.push((rest.trim().to_owned(), String::new()));
                    Section::File(rest.trim().to_owned())
                }
                "setup" => Section::Setup,
                "before" => Section::Before,
                "then" => Section::Then,
                "case" => {
                    let case = Case {
                        name: rest.to_owned(),
                        files: files.clone(),
                        setup: setup.clone(),
                        before: before.clone(),
                        sql: String::new(),
                        then: String::new(),
                        rows: Vec::new(),
                        told: false,
                        flink_differs: None,
                        datafusion_differs: None,
                    };
                    cases.push(case);
                    Section::Case
                }
                "rows" => {
                    cases.iter_mut().last().into_iter().for_each(|case| case.told = true);
                    Section::Rows
                }
                "flink" | "datafusion" => {
                    let why = Some(rest.strip_prefix("differs: ").expect("differs: why").trim().to_owned());
                    let case = cases.iter_mut().last().expect("it is said of a case");
                    match word {
                        "flink" => case.flink_differs = why,
                        _ => case.datafusion_differs = why,
                    }
                    continue;
                }
                other => panic!("there is no directive {other}"),
            };
            continue;
        }
        let data = || line.strip_prefix("--| ").or(line.strip_prefix("--|")).unwrap_or_default();
        match (&section, cases.last_mut()) {
            (Section::File(name), _) if line.starts_with("--|") => {
                let file = files.iter_mut().find(|(known, _)| known == name).expect("it was just added");
                file.1.push_str(data());
                file.1.push('\n');
            }
            (Section::Setup, _) => setup.push_str(&format!("{line}\n")),
            (Section::Before, _) => before.push_str(&format!("{line}\n")),
            (Section::Then, Some(case)) => case.then.push_str(&format!("{line}\n")),
            (Section::Case, Some(case)) => case.sql.push_str(&format!("{line}\n")),
            (Section::Rows, Some(case)) if line.starts_with("--|") => case.rows.push(data().to_owned()),
            _ => {}
        }
    }
    cases
}

/// The file's text with other rows for a case.
pub(crate) fn with_rows(text: &str, case: &Case, rows: &[String]) -> String {
    let (mut out, mut within, mut written) = (String::new(), false, false);
    let put = |out: &mut String| {
        out.push_str("--! rows\n");
        rows.iter().for_each(|row| out.push_str(&format!("--| {row}\n")));
    };
    let mut dropping = false;
    for line in text.lines() {
        if let Some(directive) = line.strip_prefix("--! ") {
            dropping = false;
            if within && directive.starts_with("rows") {
                put(&mut out);
                (written, dropping) = (true, true);
                continue;
            }
            // What is done behind the case, and what is said of it, is still the case's.
            let goes_on = within && ["then", "flink ", "datafusion "].iter().any(|word| directive.starts_with(word));
            if within && !goes_on && !written {
                put(&mut out);
                out.push('\n');
                written = true;
            }
            within = goes_on || directive.strip_prefix("case ") == Some(case.name.as_str());
        }
        if dropping && line.starts_with("--|") {
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
    if within && !written {
        put(&mut out);
    }
    out
}
