//! Registries on disk: versions, states, what is refused, what survives.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use tidemill_schemas::{
    Access, DataFormat, Error, Mode, OnClash, Registration, Registries, RuleSet, SchemaChange, SchemaName,
    SchemaReference, Status,
};

const ONE: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
const TWO: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}"#;
const CLASH: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;

struct Given {
    registries: Option<Registries>,
    folder: tempfile::TempDir,
}

impl Given {
    fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let registries = Some(Registries::open(folder.path()).expect("registries"));
        Given { registries, folder }
    }

    fn registries(&self) -> &Registries {
        self.registries.as_ref().expect("open")
    }

    fn reopened(mut self) -> Self {
        drop(self.registries.take());
        self.registries = Some(Registries::open(self.folder.path()).expect("registries"));
        self
    }
}

fn name(name: &str) -> SchemaName {
    SchemaName::new("default-registry", name).expect("a name")
}

fn avro(text: &str) -> Registration {
    Registration::new(DataFormat::Avro, text).creating(Mode::Backward)
}

#[test]
fn versions_are_numbered_and_the_same_schema_keeps_its_version() {
    let given = Given::empty();
    let (orders, copies) = (name("orders"), name("copies"));
    let first = given.registries().register(&orders, avro(ONE)).expect("first");
    let second = given.registries().register(&orders, avro(TWO)).expect("second");
    let again = given.registries().register(&orders, avro(&ONE.replace(',', ", "))).expect("again");
    let copy = given.registries().register(&copies, avro(ONE)).expect("copy");
    assert_eq!((first.version.number, second.version.number, again.version.number), (1, 2, 1));
    assert!(first.created && second.created && !again.created);
    assert_eq!((first.version.content.id, second.version.content.id, copy.version.content.id), (1, 2, 1));
    assert_ne!(first.version.uuid, copy.version.uuid);

    let given = given.reopened();
    let versions = given.registries().versions(&orders).expect("versions");
    assert_eq!(
        versions.iter().map(|version| version.uuid).collect::<Vec<_>>(),
        [first.version.uuid, second.version.uuid]
    );
    assert_eq!(&*given.registries().content("default-registry", 2).expect("content").text, TWO);
    let found = given.registries().version_by_uuid(copy.version.uuid).expect("found");
    assert_eq!((found.name, found.number), (copies, 1));
    let third = given.registries().register(&name("third"), avro(CLASH)).expect("third");
    assert_eq!(third.version.content.id, 3);
}

#[test]
fn a_version_that_clashes_is_refused_or_kept_as_failure() {
    let given = Given::empty();
    let orders = name("orders");
    given.registries().register(&orders, avro(ONE)).expect("first");
    let refused = given.registries().register(&orders, avro(CLASH)).expect_err("it clashes");
    let Error::Incompatible { verdict, .. } = &refused else { panic!("{refused}") };
    assert_eq!(verdict.clashes[0].differences[0].rule, "TYPE_MISMATCH");
    assert!(refused.to_string().contains("the type is string, the writer's int"), "{refused}");

    let keep = Registration { on_clash: OnClash::Keep, ..avro(CLASH) };
    let kept = given.registries().register(&orders, keep.clone()).expect("kept");
    assert_eq!((kept.version.number, kept.version.status), (2, Status::Failure));
    let again = given.registries().register(&orders, keep).expect("kept");
    assert_eq!(again.version.uuid, kept.version.uuid);
    // What failed is no version that others are judged by, and its number is not given again.
    let third = given.registries().register(&orders, avro(TWO)).expect("third");
    assert_eq!(third.version.number, 3);
    assert_eq!(given.registries().version(&orders, None).expect("latest").number, 3);
    assert!(matches!(given.registries().register(&orders, avro(CLASH)), Err(Error::Incompatible { .. })));
}

#[test]
fn a_disabled_schema_takes_no_version() {
    let given = Given::empty();
    let orders = name("orders");
    given.registries().register(&orders, avro(ONE)).expect("first");
    let change = SchemaChange { compatibility: Some(Some(Mode::Disabled)), ..SchemaChange::default() };
    given.registries().update_schema(&orders, change).expect("changed");
    assert!(matches!(given.registries().register(&orders, avro(TWO)), Err(Error::Disabled(_))));
    assert!(!given.registries().register(&orders, avro(ONE)).expect("it is there").created);
}

#[test]
fn all_versions_count_from_the_checkpoint_on() {
    let given = Given::empty();
    let orders = name("orders");
    let mode = |mode| SchemaChange { compatibility: Some(Some(mode)), ..SchemaChange::default() };
    given.registries().register(&orders, avro(CLASH)).expect("first");
    given.registries().update_schema(&orders, mode(Mode::None)).expect("changed");
    given.registries().register(&orders, avro(ONE)).expect("second");
    given.registries().update_schema(&orders, mode(Mode::BackwardAll)).expect("changed");
    let verdict = given.registries().check(&orders, &avro(TWO), None).expect("checked");
    assert_eq!((verdict.compatible, verdict.checked), (false, vec![1, 2]));
    let checkpoint = SchemaChange { checkpoint: Some(2), ..mode(Mode::BackwardAll) };
    given.registries().update_schema(&orders, checkpoint).expect("changed");
    let verdict = given.registries().check(&orders, &avro(TWO), None).expect("checked");
    assert_eq!((verdict.compatible, verdict.checked), (true, vec![2]));
    assert!(matches!(given.registries().delete_version(&orders, 2), Err(Error::Checkpoint { .. })));
}

#[test]
fn deletion_hides_first_and_then_removes() {
    let given = Given::empty();
    let orders = name("orders");
    given.registries().register(&orders, avro(ONE)).expect("first");
    given.registries().register(&orders, avro(TWO)).expect("second");
    assert!(matches!(given.registries().delete_versions(&orders, Some(1), true), Err(Error::NotDeleted { .. })));
    given.registries().delete_versions(&orders, Some(1), false).expect("hidden");
    assert!(given.registries().version(&orders, Some(1)).expect("hidden").deleted);
    assert!(matches!(given.registries().find(&orders, &avro(ONE), false), Err(Error::NoDefinition(_))));
    given.registries().delete_versions(&orders, Some(1), true).expect("removed");
    let given = given.reopened();
    assert!(matches!(given.registries().version(&orders, Some(1)), Err(Error::NoVersion { .. })));
    assert!(given.registries().content("default-registry", 1).is_none());
    let again = given.registries().register(&orders, avro(&ONE.replace("int", "long"))).expect("again");
    assert_eq!((again.version.number, again.version.content.id), (3, 3));
    given.registries().delete_versions(&orders, None, false).expect("hidden");
    given.registries().delete_versions(&orders, None, true).expect("removed");
    assert!(matches!(given.registries().schema(&orders), Err(Error::NoSchema(_))));
}

#[test]
fn what_is_referred_to_stays() {
    let given = Given::empty();
    let address = r#"{"type":"record","name":"Address","fields":[]}"#;
    let person = r#"{"type":"record","name":"Person","fields":[{"name":"at","type":"Address"}]}"#;
    given.registries().register(&name("address"), avro(address)).expect("address");
    let references = vec![SchemaReference { name: "Address".into(), subject: "address".into(), version: 1 }];
    let refers = Registration { references, ..avro(person) };
    assert!(matches!(given.registries().register(&name("person"), avro(person)), Err(Error::Definition { .. })));
    given.registries().register(&name("person"), refers.clone()).expect("person");
    assert_eq!(given.registries().referrers(&name("address"), 1).expect("referrers").len(), 1);
    let refused = given.registries().delete_versions(&name("address"), Some(1), false);
    assert!(matches!(refused, Err(Error::Referenced { .. })));
    given.registries().delete_versions(&name("person"), None, false).expect("hidden");
    given.registries().delete_versions(&name("address"), Some(1), false).expect("hidden");
}

#[test]
fn modes_come_from_the_schema_its_registry_or_the_default_one() {
    let given = Given::empty();
    let (here, there) = (name("s"), SchemaName::new("other", "s").expect("a name"));
    let plain = || Registration { create: Some(None), ..avro(ONE) };
    given.registries().register(&here, plain()).expect("registered");
    given.registries().register(&there, plain()).expect("registered");
    let mode = |name| given.registries().schema(name).expect("schema").compatibility;
    assert_eq!((mode(&here), mode(&there)), (Mode::Backward, Mode::Backward));
    given.registries().set_registry_compatibility("default-registry", Some(Mode::Full)).expect("set");
    assert_eq!((mode(&here), mode(&there)), (Mode::Full, Mode::Full));
    given.registries().set_registry_compatibility("other", Some(Mode::None)).expect("set");
    assert_eq!((mode(&here), mode(&there)), (Mode::Full, Mode::None));
    given.registries().set_access("default-registry", Some("s"), Some(Access::ReadOnly)).expect("set");
    assert!(matches!(given.registries().register(&here, avro(TWO)), Err(Error::Access(..))));
    assert!(given.registries().register(&there, avro(TWO)).is_ok());
}

#[test]
fn an_import_brings_its_numbers() {
    let given = Given::empty();
    let orders = name("orders");
    let import = |text: &str, id, number| Registration { id: Some(id), number: Some(number), ..avro(text) };
    assert!(matches!(given.registries().register(&orders, import(ONE, 40, 7)), Err(Error::Access(..))));
    given.registries().set_access("default-registry", None, Some(Access::Import)).expect("set");
    let imported = given.registries().register(&orders, import(ONE, 40, 7)).expect("imported");
    assert_eq!((imported.version.content.id, imported.version.number), (40, 7));
    assert!(matches!(given.registries().register(&orders, import(TWO, 40, 8)), Err(Error::IdTaken(40))));
    given.registries().set_access("default-registry", None, None).expect("set");
    let next = given.registries().register(&orders, avro(TWO)).expect("registered");
    assert_eq!((next.version.content.id, next.version.number), (41, 8));
}

#[test]
fn metadata_and_tags_have_limits() {
    let given = Given::empty();
    let uuid = given.registries().register(&name("orders"), avro(ONE)).expect("first").version.uuid;
    given.registries().put_metadata(uuid, "team", "a").expect("put");
    given.registries().put_metadata(uuid, "team", "b").expect("put");
    assert!(matches!(given.registries().put_metadata(uuid, "team", "a"), Err(Error::Metadata { .. })));
    for nth in 0..8 {
        given.registries().put_metadata(uuid, "key", &nth.to_string()).expect("put");
    }
    assert!(matches!(given.registries().put_metadata(uuid, "one", "more"), Err(Error::Limit { .. })));
    given.registries().remove_metadata(uuid, "team", "a").expect("removed");
    let tags = |count: usize| (0..count).map(|nth| (nth.to_string(), String::new())).collect::<BTreeMap<_, _>>();
    given.registries().change_tags("default-registry", Some("orders"), tags(50), &[]).expect("tags");
    let more = BTreeMap::from([("more".to_owned(), String::new())]);
    assert!(matches!(
        given.registries().change_tags("default-registry", Some("orders"), more, &[]),
        Err(Error::Limit { .. })
    ));
    let given = given.reopened();
    let metadata = given.registries().version_by_uuid(uuid).expect("version").metadata;
    assert_eq!((metadata.len(), metadata[0].value.as_str()), (9, "b"));
}

#[test]
fn two_programs_do_not_open_a_folder() {
    let given = Given::empty();
    assert!(matches!(Registries::open(given.folder.path()), Err(Error::Open { .. })));
}

#[test]
fn rules_are_the_registrations_own() {
    let given = Given::empty();
    let orders = name("orders");
    given.registries().register(&orders, avro(ONE)).expect("first");
    let renamed = ONE.replace("\"R\"", "\"S\"");
    assert!(given.registries().register(&orders, avro(&renamed).by(RuleSet::Confluent)).is_err());
    assert!(given.registries().register(&orders, avro(&renamed).by(RuleSet::Glue)).is_ok());
}
