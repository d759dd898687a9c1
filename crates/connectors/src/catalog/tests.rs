//! What is said of a declaration that does not fit.

use arrow::datatypes::DataType;

use crate::connector::TableDeclaration;
use crate::testing::{column, declare, metadata};
use crate::{Environment, sink, source};

fn refusal(declaration: &TableDeclaration) -> String {
    let environment = Environment::default();
    match source(declaration, &environment) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was taken"),
    }
}

fn numbers(options: &[(&str, &str)]) -> TableDeclaration {
    declare(&[("n", DataType::Int64)], options)
}

#[test]
fn a_connector_that_is_not_built_is_named_with_those_that_are() {
    let said = refusal(&numbers(&[("connector", "kafka")]));
    assert!(said.starts_with("TM-CONNECTOR-0001: connector `kafka` is not built; there are stream, "), "{said}");
    let said = refusal(&numbers(&[("connector", "data-gen")]));
    assert!(said.contains("did you mean `datagen`"), "{said}");
    let said = refusal(&numbers(&[]));
    assert!(said.starts_with("TM-CONNECTOR-0002"), "{said}");
}

#[test]
fn options_are_known_and_can_be_read() {
    let datagen = |option, value| numbers(&[("connector", "datagen"), (option, value)]);
    for (option, value, expected) in [
        ("rows-per-secnd", "5", "did you mean `rows-per-second`"),
        ("rows-per-second", "many", "TM-CONNECTOR-0004: option `rows-per-second` can't be `many`: say a whole number"),
        ("fields.m.min", "5", "`fields.m.min` is about a column that is not declared"),
        ("fields.n.kind", "sequences", "say one of random, sequence, did you mean `sequence`"),
        ("fields.n.max-past", "soon", "5 s"),
        ("fields.n.min", "x", "it is no value of Int64"),
        ("fields.n.length", "3", "does not apply"),
        ("format", "json", "has no option `format`"),
    ] {
        let said = refusal(&datagen(option, value));
        assert!(said.contains(expected), "{said}");
    }
    assert!(source(&datagen("scan.parallelism", "2"), &Environment::default()).is_ok());
}

#[test]
fn options_of_the_format_are_the_formats() {
    let files = |option, value| {
        numbers(&[("connector", "filesystem"), ("path", "/nowhere"), ("format", "json"), (option, value)])
    };
    assert!(source(&files("json.ignore-parse-errors", "true"), &Environment::default()).is_ok());
    let said = refusal(&files("json.ignore-errors", "true"));
    assert!(said.starts_with("TM-FORMAT-0002"), "{said}");
    let said = refusal(&files("csv.field-delimiter", ";"));
    assert!(said.starts_with("TM-CONNECTOR-0003"), "{said}");
    let parquet = [("connector", "filesystem"), ("path", "/nowhere"), ("format", "parquet"), ("parquet.x", "1")];
    assert!(refusal(&numbers(&parquet)).starts_with("TM-CONNECTOR-0003"));
    let said = refusal(&numbers(&[("connector", "filesystem"), ("format", "json")]));
    assert!(said.starts_with("TM-CONNECTOR-0005: connector `filesystem` needs the option `path`"), "{said}");
    let said = refusal(&numbers(&[("connector", "filesystem"), ("path", "s3://bucket/key"), ("format", "json")]));
    assert!(said.contains("`s3://` can't be reached yet"), "{said}");
}

#[test]
fn a_connector_says_what_it_is_not() {
    let said = refusal(&numbers(&[("connector", "print")]));
    assert!(said.starts_with("TM-CONNECTOR-0006: connector `print` is no source; those that are: stream"), "{said}");
    assert!(sink(&numbers(&[("connector", "print")]), &Environment::default()).is_ok());
}

#[test]
fn metadata_is_known_and_fits_its_column() {
    let options = [("connector", "filesystem"), ("path", "/nowhere"), ("format", "json")];
    let with = |column| {
        let mut declaration = numbers(&options);
        declaration.columns.push(column);
        declaration
    };
    assert!(source(&with(metadata("p", DataType::Utf8, "file.path")), &Environment::default()).is_ok());
    let said = refusal(&with(metadata("p", DataType::Utf8, "file.pth")));
    assert!(said.contains("did you mean `file.path`"), "{said}");
    let said = refusal(&with(metadata("p", DataType::Boolean, "file.modification-time")));
    assert!(said.contains("metadata `file.modification-time` is TIMESTAMP_LTZ(3)"), "{said}");
    let mut written = metadata("p", DataType::Utf8, "file.path");
    written.read_only = false;
    let said = sink(&with(written), &Environment::default()).err().map(|error| error.to_string());
    assert!(said.as_ref().is_some_and(|said| said.contains("declare the column VIRTUAL")), "{said:?}");
    let mut keyed = with(column("k", DataType::Utf8));
    keyed.primary_key.push("key".into());
    assert!(refusal(&keyed).contains("column `key`"));
}
