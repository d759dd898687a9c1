//! Settings of Flink that scripts carry and that are none here: those that say how Flink should work are passed over, with a note; those
//! that would change results are refused by name. A key that is in neither list is a mistake.

use crate::error::{Kind, Result, SqlError};

/// What is done with a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// Nothing, and why.
    Nothing(&'static str),
    /// Nothing for these values, which are what holds here; what to write instead of another.
    Only(&'static [&'static str], &'static str),
    /// It would change results; what to write instead.
    Refused(&'static str),
    /// The setting of ours that says it.
    Ours(&'static str),
}

use Means::{Nothing, Only, Ours, Refused};

const BATCHES: &str = "rows are always worked on in batches";
const PLANNER: &str = "it tells Flink's planner how to work";
const CLIENT: &str = "it is for Flink's client";
const CHECKPOINTS: &str = "checkpoints lie in the data folder, and are written in the background one after the other";
const MACHINES: &str = "a job runs in this process, whose workers parallelism.default says";

/// By a key, or what it begins with where that ends with a dot or a hyphen. The first one that fits holds.
const KNOWN: &[(&str, Means)] = &[
    ("sql-client.", Nothing(CLIENT)),
    ("table.display.", Nothing(CLIENT)),
    ("table.resources.", Nothing(CLIENT)),
    ("table.sql-dialect", Only(&["default"], "statements of this one dialect are read here; leave it out")),
    (
        "execution.runtime-mode",
        Only(&["streaming", "automatic"], "a job whose inputs end ends with them; leave it out"),
    ),
    ("execution.savepoint.", Refused("start with tidemill run --from SNAPSHOT")),
    ("execution.state-recovery.", Refused("start with tidemill run --from SNAPSHOT")),
    ("execution.checkpointing.aligned-checkpoint-timeout", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.checkpoints-after-tasks-finish", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.cleaner.", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.data-inline-threshold", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.dir", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.externalized-checkpoint-retention", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.file-merging.", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.force-unaligned", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.incremental", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.interval-during-backlog", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.local-", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.max-concurrent-checkpoints", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.min-pause", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.num-retained", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.savepoint-dir", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.snapshot-compression", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.storage", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.timeout", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.tolerable-failed-checkpoints", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.unaligned", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.unaligned.", Nothing(CHECKPOINTS)),
    ("execution.checkpointing.write-buffer", Nothing(CHECKPOINTS)),
    ("state.backend", Nothing(CHECKPOINTS)),
    ("state.backend.", Nothing(CHECKPOINTS)),
    ("state.checkpoint-storage", Nothing(CHECKPOINTS)),
    ("state.checkpoints.", Nothing(CHECKPOINTS)),
    ("state.savepoints.", Nothing(CHECKPOINTS)),
    ("state.storage.", Nothing(CHECKPOINTS)),
    ("execution.attached", Nothing(MACHINES)),
    ("execution.batch.", Nothing(MACHINES)),
    ("execution.batch-shuffle-mode", Nothing(MACHINES)),
    ("execution.buffer-timeout", Nothing(MACHINES)),
    ("execution.buffer-timeout.", Nothing(MACHINES)),
    ("execution.job-listeners", Nothing(MACHINES)),
    ("execution.job-status-changed-listeners", Nothing(MACHINES)),
    ("execution.shutdown-on-attached-exit", Nothing(MACHINES)),
    ("execution.shutdown-on-application-finish", Nothing(MACHINES)),
    ("execution.sort-", Nothing(MACHINES)),
    ("execution.sorted-inputs.", Nothing(MACHINES)),
    ("execution.submit-failed-job-on-application-error", Nothing(MACHINES)),
    ("execution.target", Nothing(MACHINES)),
    ("table.local-time-zone", Only(&["utc", "gmt", "z", "etc/utc"], "times are those of UTC; use CONVERT_TZ")),
    ("table.exec.resource.default-parallelism", Ours("parallelism.default")),
    ("table.exec.mini-batch.", Nothing(BATCHES)),
    ("table.exec.async-", Nothing(BATCHES)),
    (
        "table.exec.emit.",
        Refused("early results are those of table.exec.emit.early-fire.…; late rows go where LATE DATA TO says"),
    ),
    ("table.exec.source.cdc-events-duplicate", Only(&["false"], "declare the key in the table's options")),
    ("table.exec.sink.not-null-enforcer", Only(&["error"], "filter rows WHERE column IS NOT NULL")),
    ("table.exec.sink.type-length-enforcer", Only(&["ignore"], "write CAST(column AS VARCHAR(n))")),
    ("table.exec.legacy-cast-behaviour", Only(&["disabled"], "use TRY_CAST where a cast may fail")),
    ("table.exec.deduplicate.", Nothing(PLANNER)),
    ("table.exec.delta-join.", Nothing(PLANNER)),
    ("table.exec.disabled-operators", Nothing(PLANNER)),
    ("table.exec.interval-join.", Nothing(PLANNER)),
    ("table.exec.legacy-transformation-uids", Nothing(PLANNER)),
    ("table.exec.local-hash-agg.", Nothing(PLANNER)),
    ("table.exec.lookup-join.", Nothing(PLANNER)),
    ("table.exec.operator-fusion-codegen.", Nothing(PLANNER)),
    ("table.exec.rank.", Nothing(PLANNER)),
    ("table.exec.resource.", Nothing(PLANNER)),
    ("table.exec.shuffle-mode", Nothing(PLANNER)),
    ("table.exec.simplify-operator-name-enabled", Nothing(PLANNER)),
    ("table.exec.sink.keyed-shuffle", Nothing(PLANNER)),
    ("table.exec.sink.upsert-materialize", Nothing(PLANNER)),
    ("table.exec.sink.rowtime-inserter", Nothing(PLANNER)),
    ("table.exec.sort.", Nothing(PLANNER)),
    ("table.exec.spill-", Nothing(PLANNER)),
    ("table.exec.unbounded-over.", Nothing(PLANNER)),
    ("table.exec.uid.", Nothing(PLANNER)),
    ("table.exec.window-agg.", Nothing(PLANNER)),
    ("table.optimizer.", Nothing(PLANNER)),
    ("table.plan.", Nothing(PLANNER)),
    ("table.column-expansion-strategy", Refused("name the columns")),
    ("table.rtas-ctas.", Nothing(CLIENT)),
    ("pipeline.jars", Nothing("functions are SQL expressions, connectors are built in")),
    ("pipeline.classpaths", Nothing("functions are SQL expressions, connectors are built in")),
    ("pipeline.auto-generate-uids", Nothing(MACHINES)),
    ("pipeline.auto-type-registration", Nothing(MACHINES)),
    ("pipeline.auto-watermark-interval", Nothing(MACHINES)),
    ("pipeline.cached-files", Nothing(MACHINES)),
    ("pipeline.closure-cleaner-level", Nothing(MACHINES)),
    ("pipeline.force-", Nothing(MACHINES)),
    ("pipeline.generic-types", Nothing(MACHINES)),
    ("pipeline.global-job-parameters", Nothing(MACHINES)),
    ("pipeline.jobvertex-parallelism-overrides", Nothing(MACHINES)),
    ("pipeline.max-parallelism", Nothing(MACHINES)),
    ("pipeline.object-reuse", Nothing(MACHINES)),
    ("pipeline.operator-chaining", Nothing(MACHINES)),
    ("pipeline.operator-chaining.", Nothing(MACHINES)),
    ("pipeline.registered-", Nothing(MACHINES)),
    ("pipeline.serialization-config", Nothing(MACHINES)),
    ("pipeline.vertex-", Nothing(MACHINES)),
    ("pipeline.watermark-alignment.", Nothing(MACHINES)),
    ("restart-strategy", Nothing("a job that fails starts again from its last checkpoint")),
    ("restart-strategy.", Nothing("a job that fails starts again from its last checkpoint")),
    ("jobmanager.", Nothing(MACHINES)),
    ("taskmanager.", Nothing(MACHINES)),
    ("cluster.", Nothing(MACHINES)),
    ("rest.", Nothing(MACHINES)),
    ("heartbeat.", Nothing(MACHINES)),
    ("metrics.", Nothing(MACHINES)),
    ("env.", Nothing(MACHINES)),
    ("yarn.", Nothing(MACHINES)),
    ("kubernetes.", Nothing(MACHINES)),
];

/// What comes of a setting of Flink's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OfFlink {
    /// It is passed over; what is to be told.
    PassedOver(String),
    /// It is this one of ours.
    Ours(&'static str),
}

/// What comes of a setting; none where Flink has no such.
///
/// # Errors
/// Where it would change results.
pub(super) fn of_flink(key: &str, value: &str) -> Result<Option<OfFlink>> {
    let fits = |known: &str| key == known || (known.ends_with(['.', '-']) && key.starts_with(known));
    let Some((_, means)) = KNOWN.iter().find(|(known, _)| fits(known)) else { return Ok(None) };
    let refused = |instead: &str| {
        let error = SqlError::new(Kind::Unsupported, format!("'{key}' = '{value}' of Flink is not built"));
        Err(error.hint(instead))
    };
    match means {
        Nothing(why) => Ok(Some(OfFlink::PassedOver(format!("'{key}' means nothing here: {why}")))),
        Only(values, instead) => match values.iter().any(|known| value.eq_ignore_ascii_case(known)) {
            true => Ok(Some(OfFlink::PassedOver(format!("'{key}' = '{value}' says what holds anyway")))),
            false => refused(instead),
        },
        Refused(instead) => refused(instead),
        Ours(ours) => Ok(Some(OfFlink::Ours(ours))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_how_to_work_is_passed_over_and_what_changes_results_is_not() {
        let passed = |key, value| matches!(of_flink(key, value), Ok(Some(OfFlink::PassedOver(_))));
        for (key, value) in [
            ("sql-client.execution.result-mode", "tableau"),
            ("execution.runtime-mode", "STREAMING"),
            ("table.exec.mini-batch.allow-latency", "2 s"),
            ("execution.checkpointing.timeout", "10 min"),
            ("state.backend.type", "rocksdb"),
            ("table.local-time-zone", "UTC"),
            ("restart-strategy", "fixed-delay"),
        ] {
            assert!(passed(key, value), "{key}");
        }
        for (key, value) in [
            ("execution.runtime-mode", "batch"),
            ("table.local-time-zone", "Europe/Berlin"),
            ("table.exec.emit.late-fire.enabled", "true"),
            ("execution.savepoint.path", "s3://x"),
        ] {
            let error = of_flink(key, value).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        assert_eq!(
            of_flink("table.exec.resource.default-parallelism", "2"),
            Ok(Some(OfFlink::Ours("parallelism.default")))
        );
        assert_eq!(of_flink("table.exe.x", "2"), Ok(None));
    }
}
