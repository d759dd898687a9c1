//! What is accepted at most.

/// Limits of a registry.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Registries.
    pub registries_max: usize,
    /// Schemas in all registries.
    pub schemas_max: usize,
    /// Versions of a schema.
    pub versions_max: usize,
    /// Bytes of a schema's text.
    pub definition_bytes_max: usize,
    /// Bytes of all schemas' texts, which are kept in memory.
    pub definitions_bytes_max: usize,
    /// Schemas that one refers to, directly or not.
    pub references_max: usize,
    /// Pairs of metadata of a version.
    pub metadata_max: usize,
    /// Tags of a registry or schema.
    pub tags_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            registries_max: 1_000,
            schemas_max: 100_000,
            versions_max: 100_000,
            definition_bytes_max: 1 << 20,
            definitions_bytes_max: 1 << 30,
            references_max: 1_000,
            metadata_max: 10,
            tags_max: 50,
        }
    }
}
