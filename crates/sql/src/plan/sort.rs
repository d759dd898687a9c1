//! `ORDER BY` and `LIMIT`.
//!
//! A stream that goes on has no last row: it is ordered by its time, or only its first rows are kept, as a result that is revised. What
//! ends is ordered when it has ended.

use arrow::compute::SortOptions;
use datafusion::logical_expr::{FetchType, Limit, LogicalPlan, SkipType, Sort as SortPlan, SortExpr};
use tidemill_engine::Routing;

use super::builder::{Builder, nullable};
use super::calc::origin;
use super::stream::{Stream, Traits};
use crate::error::{Result, SqlError};
use crate::operators::sort::{Sort, SortConfig, TemporalSort, TemporalSortConfig};
use crate::operators::top_n::{TopN, TopNConfig};

impl Builder<'_> {
    pub(super) fn limit(&mut self, limit: &Limit) -> Result<Stream> {
        let (SkipType::Literal(skip), FetchType::Literal(fetch)) = (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Err(SqlError::unsupported("LIMIT and OFFSET must be numbers"));
        };
        match &*limit.input {
            LogicalPlan::Sort(sort) => self.sorted(&sort.input, &sort.expr, skip, fetch),
            other => self.sorted(other, &[], skip, fetch),
        }
    }

    pub(super) fn sort(&mut self, sort: &SortPlan) -> Result<Stream> {
        self.sorted(&sort.input, &sort.expr, 0, sort.fetch)
    }

    fn sorted(&mut self, input: &LogicalPlan, by: &[SortExpr], skip: usize, fetch: Option<usize>) -> Result<Stream> {
        let input = self.plan(input)?;
        let place = |sort: &SortExpr| {
            let options = SortOptions { descending: !sort.asc, nulls_first: sort.nulls_first };
            origin(&sort.expr, &input).map(|column| (column, options)).ok_or_else(|| {
                SqlError::unsupported(format!("ORDER BY {}: it must be a column", sort.expr))
                    .hint("compute the column in a sub-query first")
            })
        };
        let sort = by.iter().map(place).collect::<Result<Vec<_>>>()?;
        let schema = nullable(input.columns());
        let (columns, traits) = (schema.fields().len(), input.traits.clone());
        let names = |sort: &[(usize, SortOptions)]| {
            let name =
                |(column, _): &(usize, SortOptions)| schema.fields().get(*column).map(|field| field.name().clone());
            sort.iter().filter_map(name).collect::<Vec<_>>().join(", ")
        };
        let about = format!("by {}", names(&sort));
        let plan_schema = input.schema.clone();
        let done = |port, traits| {
            Ok(Stream { emitted: schema.clone(), ..Stream::of_ports(vec![port], plan_schema.clone(), traits) })
        };
        // Times that rise need no end.
        let by_time = match sort.first() {
            Some((column, options)) => !options.descending && traits.event_time.contains(column),
            None => false,
        };
        if by_time && fetch.is_none() && skip == 0 && !traits.changes {
            let then = sort.into_iter().skip(1).collect();
            let config = TemporalSortConfig { schema: schema.clone(), then };
            TemporalSort::new(config.clone())?;
            let mut node = self.node("sort", about, false);
            node.state = Some("rows that the watermark has not passed".to_owned());
            let port =
                self.operator(node, vec![(input, Routing::Single)], move |_| TemporalSort::new(config.clone()))?;
            return done(port, Traits { in_order_by: Some(Vec::new()), ..traits });
        }
        if traits.bounded {
            let (offset, limit) = (skip as u64, fetch.map(|rows| rows as u64));
            let config = SortConfig { schema: schema.clone(), sort, offset, limit, append_only: !traits.changes };
            Sort::new(config.clone())?;
            let mut node = self.node("sort", format!("{about}, when the input has ended"), false);
            node.state = Some("all rows".to_owned());
            let port = self.operator(node, vec![(input, Routing::Single)], move |_| Sort::new(config.clone()))?;
            let traits = Traits {
                changes: false,
                event_time: Vec::new(),
                window: None,
                versions: false,
                in_order_by: Some(Vec::new()),
                ..traits
            };
            return done(port, traits);
        }
        let Some(fetch) = fetch else {
            let error = SqlError::unsupported("ORDER BY of a stream that goes on would wait for ever");
            return Err(error.hint("order by its time column first, add LIMIT, or cut it by windows"));
        };
        let config = TopNConfig {
            input: schema.clone(),
            sort,
            start: skip as u64 + 1,
            end: (skip + fetch) as u64,
            rank_number: false,
            append_only: !traits.changes,
            schema: schema.clone(),
            ttl: None,
        };
        TopN::new(config.clone())?;
        let mut node = self.node("top-n", format!("{about}, rows {} to {}", skip + 1, skip + fetch), true);
        node.state = Some("the best rows".to_owned());
        let (keyed, _) = self.keyed(input, columns, Vec::new())?;
        let port = self.operator(node, vec![(keyed, Routing::Single)], move |_| TopN::new(config.clone()))?;
        done(
            port,
            Traits {
                changes: true,
                event_time: Vec::new(),
                window: None,
                unique: None,
                in_order_by: None,
                versions: false,
                ..traits
            },
        )
    }
}
