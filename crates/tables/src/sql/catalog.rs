//! The names that a query sees: tables of the folder at one moment, and registered providers.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
    TableProvider,
};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use parking_lot::RwLock;

use super::provider::TableSource;
use crate::error::{Error, Result};
use crate::store::{Moment, Tables};

/// The only catalog.
pub(crate) const CATALOG: &str = "tidemill";
/// The schema of tables.
pub(crate) const SCHEMA: &str = "public";

type Providers = BTreeMap<String, Arc<dyn TableProvider>>;

/// What has been registered, shared by all queries.
#[derive(Default)]
pub(crate) struct Registered {
    tables: RwLock<Option<Tables>>,
    providers: RwLock<Providers>,
    schemas: RwLock<BTreeMap<String, Arc<dyn SchemaProvider>>>,
}

impl Registered {
    pub(crate) fn set_tables(&self, tables: Tables) {
        *self.tables.write() = Some(tables);
    }

    pub(crate) fn add(&self, name: String, provider: Arc<dyn TableProvider>) {
        self.providers.write().insert(name, provider);
    }

    pub(crate) fn remove(&self, name: &str) -> bool {
        self.providers.write().remove(name).is_some()
    }

    pub(crate) fn add_schema(&self, name: String, schema: Arc<dyn SchemaProvider>) {
        self.schemas.write().insert(name, schema);
    }
}

/// The catalog of one query. Its tables are read as they are now.
pub(crate) fn query_catalog(registered: &Registered) -> Result<Arc<dyn CatalogProviderList>> {
    let tables = registered.tables.read().clone();
    let public = PublicSchema {
        tables: tables.map(|tables| (tables.moment(), tables)),
        providers: registered.providers.read().clone(),
    };
    let catalog = MemoryCatalogProvider::new();
    let refuse = |e: DataFusionError| Error::Execution(e.to_string());
    catalog.register_schema(SCHEMA, Arc::new(public)).map_err(refuse)?;
    for (name, schema) in registered.schemas.read().iter() {
        catalog.register_schema(name, schema.clone()).map_err(refuse)?;
    }
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
    Ok(Arc::new(catalogs))
}

struct PublicSchema {
    tables: Option<(Moment, Tables)>,
    providers: Providers,
}

impl std::fmt::Debug for PublicSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.table_names()).finish()
    }
}

#[async_trait]
impl SchemaProvider for PublicSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.providers.keys().cloned().collect();
        names.extend(self.tables.iter().flat_map(|(_, tables)| tables.list()));
        names.sort();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> DataFusionResult<Option<Arc<dyn TableProvider>>> {
        if let Some(provider) = self.providers.get(name) {
            return Ok(Some(provider.clone()));
        }
        let Some((moment, tables)) = &self.tables else { return Ok(None) };
        match tables.table(name) {
            Ok(table) => Ok(Some(Arc::new(TableSource::at(table, moment.clone())))),
            Err(Error::NoSuchTable(_)) => Ok(None),
            Err(e) => Err(DataFusionError::External(Box::new(e))),
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|n| n == name)
    }
}
