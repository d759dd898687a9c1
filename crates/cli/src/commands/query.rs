//! `tidemill query SQL`

use std::io::Read;

use serde_json::{Value, json};

use super::{block_on, client};
use crate::args::{Args, Output, Query};
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(query: &Query, args: &Args) -> Result<(), Failure> {
    let client = client(args)?;
    let mut sql = query.sql.clone();
    if sql == "-" {
        sql.clear();
        std::io::stdin().read_to_string(&mut sql)?;
    }
    let answer = block_on(async { Ok(client.post("/api/v1/query", &json!({ "sql": sql })).await?) })?;
    if args.output == Output::Json {
        return Ok(output::json(&answer)?);
    }
    let columns: Vec<&str> =
        list(&answer, "columns").iter().filter_map(|column| column.get("name")?.as_str()).collect();
    let rows = list(&answer, "rows");
    let cells = rows.iter().map(|row| columns.iter().map(|column| output::plain(row.get(column))).collect());
    output::table(&columns, cells)?;
    let more = if answer.get("truncated") == Some(&Value::Bool(true)) { ", and more: narrow the query" } else { "" };
    Ok(output::line(&format!("{} row(s){more}", rows.len()))?)
}

fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
