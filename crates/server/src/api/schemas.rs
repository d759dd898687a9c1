//! `/api/v1/schemas`: schemas, their versions, checks and differences. A name is `NAME`, or `REGISTRY/NAME` with the
//! slash as `%2F`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tidemill_schemas::{
    DEFAULT_REGISTRY, Error, Mode, Registration, RuleSet, SchemaInfo, SchemaName, SchemaReference, Status, Verdict,
    VersionInfo, text_diff,
};
use utoipa::{IntoParams, ToSchema};

use super::{ApiError, ApiResult, ErrorBody, Json, Path, Query};
use crate::app::App;

/// A definition to be registered or checked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVersion {
    /// `AVRO`, `JSON` or `PROTOBUF`.
    format: String,
    /// What it says.
    definition: String,
    /// Schemas of the same registry that it refers to.
    #[serde(default)]
    references: Vec<NewReference>,
    /// The schema's compatibility if it is new; `BACKWARD` if none is given.
    compatibility: Option<String>,
    /// Whose rules apply: `glue` (the default) or `confluent`.
    rules: Option<String>,
}

/// A schema that is referred to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReference {
    /// How the definition refers to it.
    name: String,
    /// The schema.
    schema: String,
    /// Its version.
    version: i64,
}

/// A schema in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaSummary {
    registry: String,
    name: String,
    /// `AVRO`, `JSON` or `PROTOBUF`.
    format: &'static str,
    /// Which versions have to read each other's records.
    compatibility: &'static str,
    /// 0 when it has none.
    latest_version: u32,
    /// Unix ms.
    created_ms: i64,
}

/// A version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    version: u32,
    /// Its number in its registry, by which Confluent's serializers name it.
    id: u32,
    /// Its UUID, by which Glue's serializers name it.
    uuid: String,
    /// `AVAILABLE` or `FAILURE`.
    status: &'static str,
    /// What it says.
    definition: String,
    /// Unix ms.
    created_ms: i64,
}

/// A schema and its versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaDetail {
    #[serde(flatten)]
    schema: SchemaSummary,
    /// Oldest first.
    versions: Vec<VersionView>,
}

/// All schemas.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SchemaList {
    /// By registry and name.
    schemas: Vec<SchemaSummary>,
}

/// Which versions to compare.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Between {
    /// The older version.
    from: u32,
    /// The newer one; the last if none is given.
    to: Option<u32>,
}

/// What differs between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Difference {
    /// A unified diff; empty when nothing differs.
    diff: String,
}

/// A version, or all.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only this one.
    version: Option<u32>,
}

impl From<&SchemaInfo> for SchemaSummary {
    fn from(schema: &SchemaInfo) -> Self {
        SchemaSummary {
            registry: schema.name.registry.clone(),
            name: schema.name.name.clone(),
            format: schema.format.name(),
            compatibility: schema.compatibility.glue_name(),
            latest_version: schema.latest_version,
            created_ms: schema.created_ms,
        }
    }
}

impl From<&VersionInfo> for VersionView {
    fn from(version: &VersionInfo) -> Self {
        let hex = format!("{:032x}", version.uuid);
        let cut = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        VersionView {
            version: version.number,
            id: version.content.id,
            uuid: [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join("-"),
            status: if version.status == Status::Available { "AVAILABLE" } else { "FAILURE" },
            definition: version.content.text.to_string(),
            created_ms: version.created_ms,
        }
    }
}

impl NewVersion {
    fn registration(self) -> ApiResult<Registration> {
        let wrong = |said: String| ApiError::invalid(said, "/api/v1/openapi.json describes what is expected");
        let references = self.references.into_iter().map(|reference| SchemaReference {
            name: reference.name,
            subject: reference.schema,
            version: reference.version,
        });
        let mode: Mode = self.compatibility.as_deref().map(str::parse).transpose().map_err(wrong)?.unwrap_or_default();
        let rules: RuleSet = self.rules.as_deref().map(str::parse).transpose().map_err(wrong)?.unwrap_or_default();
        Ok(Registration {
            references: references.collect(),
            rules,
            create: Some(Some(mode)),
            ..Registration::new(self.format.parse().map_err(wrong)?, self.definition)
        })
    }
}

/// List the schemas.
#[utoipa::path(get, operation_id = "list_schemas", path = "/api/v1/schemas", tag = "schemas",
    responses((status = 200, body = SchemaList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> ApiResult<axum::Json<SchemaList>> {
    let schemas = app.schemas.registries.schemas(None).map_err(refused)?;
    Ok(axum::Json(SchemaList { schemas: schemas.iter().map(SchemaSummary::from).collect() }))
}

/// Describe a schema.
#[utoipa::path(get, operation_id = "describe_schema", path = "/api/v1/schemas/{schema}", tag = "schemas",
    params(("schema" = String, Path, description = "its name")),
    responses((status = 200, body = SchemaDetail), (status = 404, body = ErrorBody)))]
pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<SchemaDetail>> {
    let name = parsed(&name)?;
    let schema = app.schemas.registries.schema(&name).map_err(refused)?;
    let mut versions = app.schemas.registries.versions(&name).map_err(refused)?;
    versions.retain(|version| !version.deleted);
    let versions = versions.iter().map(VersionView::from).collect();
    Ok(axum::Json(SchemaDetail { schema: SchemaSummary::from(&schema), versions }))
}

/// Register a version; one that the schema has keeps its number. The schema is made if there is none.
#[utoipa::path(post, operation_id = "register_schema", path = "/api/v1/schemas/{schema}/versions", tag = "schemas",
    params(("schema" = String, Path, description = "its name")), request_body = NewVersion,
    responses((status = 200, body = VersionView), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(new): Json<NewVersion>,
) -> ApiResult<axum::Json<VersionView>> {
    let (name, new) = (parsed(&name)?, new.registration()?);
    let made = blocking(move || app.schemas.registries.register(&name, new)).await?;
    Ok(axum::Json(VersionView::from(&made.version)))
}

/// Say whether a definition would be accepted as the next version, and if not, why and what would help.
#[utoipa::path(post, operation_id = "check_schema", path = "/api/v1/schemas/{schema}/check", tag = "schemas",
    params(("schema" = String, Path, description = "its name")), request_body = NewVersion,
    responses((status = 200, body = serde_json::Value), (status = 400, body = ErrorBody)))]
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(new): Json<NewVersion>,
) -> ApiResult<axum::Json<Verdict>> {
    let (name, new) = (parsed(&name)?, new.registration()?);
    Ok(axum::Json(blocking(move || app.schemas.registries.check(&name, &new, None)).await?))
}

/// What differs between two versions.
#[utoipa::path(get, operation_id = "diff_schema", path = "/api/v1/schemas/{schema}/diff", tag = "schemas",
    params(("schema" = String, Path, description = "its name"), Between),
    responses((status = 200, body = Difference), (status = 404, body = ErrorBody)))]
pub(crate) async fn diff(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(between): Query<Between>,
) -> ApiResult<axum::Json<Difference>> {
    let name = parsed(&name)?;
    let version = |number| app.schemas.registries.version(&name, number).map_err(refused);
    let (from, to) = (version(Some(between.from))?, version(between.to)?);
    let title = |version: &VersionInfo| format!("version {}", version.number);
    let diff = text_diff(from.content.format, (&title(&from), &from.content.text), (&title(&to), &to.content.text));
    Ok(axum::Json(Difference { diff }))
}

/// Delete a schema with all its versions, or one of them; for good.
#[utoipa::path(delete, operation_id = "delete_schema", path = "/api/v1/schemas/{schema}", tag = "schemas",
    params(("schema" = String, Path, description = "its name"), Which),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> ApiResult<StatusCode> {
    let name = parsed(&name)?;
    blocking(move || match which.version {
        Some(number) => app.schemas.registries.delete_version(&name, number),
        None => app.schemas.registries.delete_schema(&name),
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parsed(name: &str) -> ApiResult<SchemaName> {
    let (registry, name) = name.split_once('/').unwrap_or((DEFAULT_REGISTRY, name));
    SchemaName::new(registry, name).map_err(refused)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?.map_err(refused)
}

fn refused(error: Error) -> ApiError {
    let status = match error {
        Error::NoRegistry(_) | Error::NoSchema(_) | Error::NoVersion { .. } | Error::NoDefinition(_) => {
            StatusCode::NOT_FOUND
        }
        Error::Incompatible { .. }
        | Error::Disabled(_)
        | Error::Access(..)
        | Error::Format { .. }
        | Error::Exists { .. }
        | Error::Referenced { .. }
        | Error::Checkpoint { .. } => StatusCode::CONFLICT,
        Error::Limit { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Store(_) | Error::Open { .. } => return ApiError::unavailable(error.to_string()),
        _ => StatusCode::BAD_REQUEST,
    };
    ApiError::of_part(status, error)
}
