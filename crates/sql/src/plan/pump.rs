//! In-application streams: the rows of their pumps, made once for all who read them.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, TableScan, lit};
use tidemill_engine::{Port, Routing};

use super::builder::{Builder, compile_all, nullable};
use super::stream::{Stream, Traits};
use crate::catalog::{InAppStream, Pump};
use crate::error::{Kind, Result, SqlError};
use crate::functions::kinesis;
use crate::logical::first_rows::FirstRows;
use crate::logical::micros_of;
use crate::operators::calc::{REJECTS, Step};
use crate::operators::distinct::{Distinct, DistinctConfig};
use crate::operators::retime::{Retime, RetimeConfig};
use crate::operators::sort::{TemporalSort, TemporalSortConfig};

impl Builder<'_> {
    /// `SELECT STREAM DISTINCT`.
    pub(super) fn first_rows(&mut self, rows: &FirstRows) -> Result<Stream> {
        let input = self.plan(&rows.input)?;
        let (schema, traits) = (nullable(input.columns()), Traits { in_order_by: None, ..input.traits.clone() });
        let columns = schema.fields().len();
        let time = columns.saturating_sub(1);
        if !traits.event_time.contains(&time) || traits.changes {
            return Err(SqlError::unsupported("SELECT DISTINCT of a stream needs its ROWTIME"));
        }
        let plan_schema = input.schema.clone();
        let mut node = self.node("distinct", format!("in each {} ms", rows.period / 1_000), false);
        // ROWTIME itself is no part of what makes a row another one.
        let keys: Vec<usize> = (0..time).filter(|column| !traits.event_time.contains(column)).collect();
        let names = keys.iter().filter_map(|key| schema.fields().get(*key)).map(|field| field.name().as_str());
        node.key = Some(names.collect::<Vec<_>>().join(", "));
        node.state = Some("the keys of the period".to_owned());
        let (keyed, routing) = self.keyed(input, columns, keys)?;
        let config = DistinctConfig { schema: schema.clone(), period: rows.period };
        let port = self.operator(node, vec![(keyed, routing)], move |_| Ok(Distinct::new(config.clone())))?;
        Ok(Stream { emitted: schema, ..Stream::of_ports(vec![port], plan_schema, traits) })
    }

    /// Rows that have another time from here on, if one of their expressions says so.
    pub(super) fn retimed(&mut self, rows: Stream, expressions: &[Expr]) -> Result<Stream> {
        let of_call = |(place, expr): (usize, &Expr)| match kinesis::called(expr, kinesis::RETIME_MARKER)? {
            [_, within] => Some((place, micros_of(within))),
            _ => None,
        };
        let Some((column, bound)) = expressions.iter().enumerate().find_map(of_call) else { return Ok(rows) };
        let Some(bound) = bound.filter(|bound| *bound >= 0) else {
            return Err(SqlError::unsupported(
                "ORDER BY … WITHIN needs an interval of days, hours, minutes or seconds",
            ));
        };
        if rows.traits.changes {
            return Err(SqlError::unsupported("rows that are revised can't get another ROWTIME"));
        }
        let (schema, plan_schema) = (nullable(rows.columns()), rows.schema.clone());
        let data_type = schema.field(column).data_type();
        if !matches!(data_type, DataType::Timestamp(..)) {
            let message =
                format!("ROWTIME is a TIMESTAMP, what is selected as it is {}", crate::types::name(data_type));
            return Err(SqlError::new(Kind::Type, message).hint("write CAST(… AS TIMESTAMP) AS ROWTIME"));
        }
        let traits = Traits { in_order_by: Some(Vec::new()), ..rows.traits.clone() };
        let name = schema.field(column).name().clone();
        let node = self.node("retime", format!("time is {name}, in order within {} ms", bound / 1_000), false);
        let config = RetimeConfig { column, bound, origin: self.pump.clone().unwrap_or_else(|| node.name.clone()) };
        let port = self.operator(node, vec![(rows, Routing::Single)], move |_| Ok(Retime::new(config.clone())))?;
        self.rejects(Port { output: REJECTS, ..port });
        let retimed =
            Stream { emitted: schema.clone(), ..Stream::of_ports(vec![port], plan_schema.clone(), traits.clone()) };
        if bound == 0 {
            return Ok(retimed);
        }
        let mut node = self.node("sort", format!("by {name}"), false);
        node.state = Some("rows that the watermark has not passed".to_owned());
        let config = TemporalSortConfig { schema: schema.clone(), then: Vec::new() };
        TemporalSort::new(config.clone())?;
        let port = self.operator(node, vec![(retimed, Routing::Single)], move |_| TemporalSort::new(config.clone()))?;
        Ok(Stream { emitted: schema, ..Stream::of_ports(vec![port], plan_schema, traits) })
    }

    /// The columns of an in-application stream that a query reads.
    pub(super) fn in_app_stream(&mut self, scan: &TableScan, stream: &InAppStream) -> Result<Stream> {
        let mut rows = self.pumped(stream)?;
        if let Some(projection) = &scan.projection {
            let columns = rows.schema.columns();
            let kept: Vec<Expr> =
                projection.iter().filter_map(|c| columns.get(*c).cloned().map(Expr::Column)).collect();
            let origins: Vec<Option<usize>> = projection.iter().copied().map(Some).collect();
            rows.traits = rows.traits.projected(&origins);
            if projection.len() < columns.len() {
                rows.steps
                    .push(Step::Project(compile_all(&kept, &rows.schema)?, nullable(scan.projected_schema.inner())));
            }
        }
        rows.schema = scan.projected_schema.clone();
        scan.filters.iter().try_fold(rows, |rows, filter| self.filter(rows, filter))
    }

    /// All columns of an in-application stream.
    fn pumped(&mut self, stream: &InAppStream) -> Result<Stream> {
        if let Some(known) = self.pumped.get(&stream.name) {
            return Ok(known.clone());
        }
        if self.pumping.contains(&stream.name) {
            let message = format!("stream \"{}\" gets rows of itself, by way of its pumps", stream.name);
            return Err(SqlError::unsupported(message).hint("let the last pump fill another stream"));
        }
        let mut pumps: Vec<Pump> = self.pumps.iter().filter(|pump| pump.into == stream.name).cloned().collect();
        if pumps.iter().any(|pump| !pump.stopped) {
            pumps.retain(|pump| !pump.stopped);
        }
        if pumps.is_empty() {
            let error = SqlError::declaration(format!("no pump fills stream \"{}\"", stream.name));
            return Err(error.hint("CREATE PUMP … AS INSERT INTO it"));
        }
        self.pumping.push(stream.name.clone());
        let (mut ports, mut traits, mut schema) = (Vec::new(), None::<Traits>, None);
        for pump in pumps {
            let outer = self.pump.replace(pump.name.clone());
            let mut rows = self.plan(&pump.plan).map_err(|error| error.at(pump.place))?;
            if pump.stopped {
                // Its stream is there, and empty.
                rows = self.filter(rows, &lit(false))?;
            }
            traits = Some(match traits {
                Some(traits) => traits.union(&rows.traits),
                None => rows.traits.clone(),
            });
            schema.get_or_insert_with(|| rows.schema.clone());
            ports.extend(self.ports(rows)?);
            self.pump = outer;
        }
        self.pumping.pop();
        let Some((schema, traits)) = schema.zip(traits) else {
            return Err(SqlError::declaration(format!("no pump fills stream \"{}\"", stream.name)));
        };
        let pumped = Stream::of_ports(ports, schema, Traits { unique: None, window: None, ..traits });
        let pumped = Stream { emitted: nullable(&stream.schema), ..pumped };
        self.pumped.insert(stream.name.clone(), pumped.clone());
        Ok(pumped)
    }
}
