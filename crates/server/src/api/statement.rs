//! `/api/v1/query`: one read-only SQL statement.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemill_tables::Error;
use utoipa::ToSchema;

use super::{ApiError, ApiResult, ErrorBody, Json};
use crate::app::App;
use crate::sql::Rows;

/// A statement.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    /// A query: `SELECT`, `WITH`, `SHOW`, `DESCRIBE` or `EXPLAIN`.
    #[schema(example = "SELECT name, records FROM streams")]
    sql: String,
}

/// Run one SQL query over tables, the lake (`lake.impressions`, …), `sites` and `streams`.
#[utoipa::path(post, path = "/api/v1/query", tag = "sql", request_body = Statement, responses(
    (status = 200, body = Rows), (status = 400, body = ErrorBody, description = "no query, or one that can't be planned"),
    (status = 504, body = ErrorBody, description = "longer than allowed")))]
pub(crate) async fn query(
    State(app): State<Arc<App>>,
    Json(statement): Json<Statement>,
) -> ApiResult<axum::Json<Rows>> {
    match app.sql.query(&app, statement.sql).await {
        Ok(rows) => Ok(axum::Json(rows)),
        Err(error) => Err(refused(&error)),
    }
}

fn refused(error: &Error) -> ApiError {
    let status = match error {
        Error::QueryTimeout { .. } => StatusCode::GATEWAY_TIMEOUT,
        Error::Query(_)
        | Error::ReadOnly(_)
        | Error::Limit { .. }
        | Error::QueryMemory { .. }
        | Error::Execution(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    ApiError::of_part(status, error)
}
