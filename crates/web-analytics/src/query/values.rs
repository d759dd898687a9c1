//! The values of a dimension, for pickers of filters.

use serde::Serialize;

use super::SiteQuery;
use super::breakdown::rows;
use super::parameters::Parameters;
use crate::error::Result;

/// `/dimensions/{dimension}/values`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Values {
    /// The most frequent first.
    pub values: Vec<String>,
}

impl SiteQuery<'_> {
    /// Answers `/dimensions/{dimension}/values`: values that begin with `prefix`, whatever the case.
    ///
    /// # Errors
    /// For parameters that make no sense, and when the store fails.
    pub fn values(&self, dimension: &str, parameters: &Parameters, now_ms: i64) -> Result<Values> {
        let question = self.question(parameters, now_ms)?;
        let dimension = self.dimension(dimension)?;
        let prefix = parameters.prefix.as_deref().unwrap_or_default().to_lowercase();
        let values = self.ranked_values(&question, dimension)?.into_iter().map(|(value, _)| value.to_string());
        let fitting = values.filter(|value| !value.is_empty() && value.to_lowercase().starts_with(&prefix));
        Ok(Values { values: fitting.take(rows(parameters.limit)?).collect() })
    }
}
