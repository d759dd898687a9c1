//! Log lines as Kinesis Data Analytics' functions took them.

use arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use proptest::prelude::*;

use crate::testing::{hostile, reasons, rng, rows, schema, stands};
use crate::{Decoded, Format};

fn log(format: &str, options: &[(&str, &str)]) -> Format {
    Format::named(format, &options.iter().copied().collect()).unwrap()
}

fn decode(format: &Format, columns: SchemaRef, lines: &[&str]) -> Decoded {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    format.decoder(columns).unwrap().decode(&lines).unwrap()
}

/// The lines in the parser's own columns.
fn parsed(format: &Format, lines: &[&str]) -> Decoded {
    decode(format, format.own_schema().unwrap(), lines)
}

fn names(format: &Format) -> Vec<String> {
    format.own_schema().unwrap().fields().iter().map(|field| field.name().clone()).collect()
}

const COMMON: &str = r#"192.168.254.30 - John [24/May/2004:22:01:02 -0700] "GET /icons/apache_pb.gif HTTP/1.1" 304 0"#;

#[test]
fn regex_groups_become_columns_and_the_whole_line_must_match() {
    let format = log("regex", &[("regex.pattern", r"(\w+)-(?:(\d+)|x)-(?<rest>.*)")]);
    assert_eq!(names(&format), ["COLUMN1", "COLUMN2", "rest"]);
    let decoded = parsed(&format, &["ab-12-z\r\n", "ab-x-", "ab-12"]);
    assert_eq!(rows(&decoded.rows), ["ab | 12 | z", "ab | NULL | "]);
    assert_eq!(reasons(&decoded), ["the line is no match of the regular expression: `ab-12`"]);
    let columns = schema(&[("rest", DataType::Utf8, true), ("COLUMN2", DataType::Int32, true)]);
    assert_eq!(rows(&decode(&format, columns, &["ab-12-z"]).rows), ["z | 12"]);
    let columns = "name TYPE VARCHAR(1), n TYPE INTEGER";
    let typed = log("regex", &[("regex.pattern", r"(\w+)-(\d+)"), ("regex.columns", columns)]);
    assert_eq!(
        (names(&typed), rows(&parsed(&typed, &["ab-12"]).rows)),
        (vec!["name".into(), "n".into()], vec!["a | 12".into()])
    );
    let uneven = [("regex.pattern", "(a)"), ("regex.columns", columns)].into_iter().collect();
    assert!(Format::named("regex", &uneven).unwrap_err().to_string().contains("the pattern has 1 groups"));
    let error = Format::named("regex", &[("regex.pattern", "(?=a)(b)")].into_iter().collect()).unwrap_err();
    assert!(error.to_string().contains("look-around"), "{error}");
}

#[test]
fn w3c_formats_are_known_by_name() {
    let format = log("w3c", &[("w3c.pattern", "COMMON")]);
    assert_eq!(
        rows(&parsed(&format, &[COMMON]).rows),
        ["192.168.254.30 | - | John | 24/May/2004:22:01:02 -0700 | GET /icons/apache_pb.gif HTTP/1.1 | 304 | 0"]
    );
    let extended = log("w3c", &[("w3c.pattern", "ncsa extended")]);
    let line = format!(r#"{COMMON} "-" "Mozilla \"5\"""#);
    assert_eq!(
        rows(&parsed(&extended, &[&line]).rows)[0].split(" | ").skip(7).collect::<Vec<_>>(),
        ["-", "Mozilla \\\"5\\\""]
    );
    let vhost = log("w3c", &[("w3c.pattern", "COMMON WITH VHOST")]);
    assert!(rows(&parsed(&vhost, &[&format!("shop.example {COMMON}")]).rows)[0].starts_with("shop.example | 192."));
    let iis = log("w3c", &[("w3c.pattern", "IIS")]);
    let line = "192.168.114.201, -, 03/20/01, 7:55:20, W3SVC2, SALES1, 172.21.13.45, 4502, 163, 3223, 200, 0, GET, /DeptLogo.gif, -,";
    assert!(rows(&parsed(&iis, &[line]).rows)[0].ends_with("200 | 0 | GET | /DeptLogo.gif | -"));
    assert_eq!(parsed(&format, &["nonsense"]).rejected.len(), 1);
}

#[test]
fn w3c_fields_take_the_declared_types() {
    let format = log("w3c", &[("w3c.pattern", "%h %l %u %t \"%r\" %>s %b")]);
    let columns = schema(&[
        ("host", DataType::Utf8, true),
        ("logname", DataType::Int32, true),
        ("user", DataType::Utf8, true),
        ("at", DataType::Timestamp(TimeUnit::Millisecond, None), true),
        ("request", DataType::Utf8, true),
        ("status", DataType::Int32, true),
    ]);
    assert_eq!(
        rows(&decode(&format, columns, &[COMMON]).rows),
        ["192.168.254.30 | NULL | John | 2004-05-25T05:01:02 | GET /icons/apache_pb.gif HTTP/1.1 | 304"]
    );
}

#[test]
fn syslog_is_read_in_both_forms() {
    let format = log("syslog", &[("syslog.year", "2003")]);
    let lines = [
        "<34>Oct 11 22:14:15 mymachine su[17]: 'su root' failed for lonvick on /dev/pts/8",
        "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [a@1 k=\"v]\\\"\"][b@2] An event",
        "<34>1 2003-10-11T22:14:15.003Z h su - ID47 -",
        "Oct  1 02:00:00 host no tag here",
        "<999>x",
        "Foo 11 22:14:15 h t: m",
    ];
    let decoded = parsed(&format, &lines);
    assert_eq!(
        rows(&decoded.rows),
        [
            "2003-10-11T22:14:15 | mymachine su[17]: 'su root' failed for lonvick on /dev/pts/8 | 4 | 2 | 2003-10-11T22:14:15 | mymachine | su | 17 | NULL | NULL | 'su root' failed for lonvick on /dev/pts/8",
            "2003-10-11T22:14:15.003 | mymachine.example.com evntslog - ID47 [a@1 k=\"v]\\\"\"][b@2] An event | 20 | 5 | 2003-10-11T22:14:15.003 | mymachine.example.com | evntslog | NULL | ID47 | [a@1 k=\"v]\\\"\"][b@2] | An event",
            "2003-10-11T22:14:15.003 | h su - ID47 - | 4 | 2 | 2003-10-11T22:14:15.003 | h | su | NULL | ID47 | NULL | NULL",
            "2003-10-01T02:00:00 | host no tag here | NULL | NULL | 2003-10-01T02:00:00 | host | NULL | NULL | NULL | NULL | no tag here",
        ]
    );
    assert_eq!(decoded.rejected.len(), 2);
}

#[test]
fn fixed_columns_are_cut_at_their_places() {
    let columns =
        "name TYPE VARCHAR(4) START 0 FOR 6, \"n\" TYPE INTEGER NOT NULL START 6 FOR 3, d TYPE DECIMAL(5,2) START 9";
    let format = log("fixed-columns", &[("fixed-columns.columns", columns)]);
    assert_eq!(names(&format), ["name", "n", "d"]);
    let decoded = parsed(&format, &["abcdef 12 1.5", "é      7", "ab"]);
    assert_eq!(rows(&decoded.rows), ["abcd | 12 | 1.50", "é | 7 | NULL"]);
    assert_eq!(reasons(&decoded), ["$.n: null for `n`, which is declared NOT NULL"]);
    let error =
        Format::named("fixed-columns", &[("fixed-columns.columns", "a TYPE FOO START 1")].into_iter().collect());
    assert!(error.unwrap_err().to_string().contains("`FOO` is no type"));
}

#[test]
fn variable_columns_are_delimited() {
    let options = [
        ("variable-columns.columns", "COL_1 TYPE VARCHAR(16), COL_2 TYPE INTEGER"),
        ("variable-columns.delimiter", "|"),
        ("variable-columns.quote", "'"),
    ];
    let format = log("variable-columns", &options);
    assert_eq!(rows(&parsed(&format, &["a|1|more", "'x|y'"]).rows), ["a | 1", "x|y | NULL"]);
    let counted = log("variable-columns", &[("variable-columns.columns", "3")]);
    assert_eq!(names(&counted), ["COLUMN1", "COLUMN2", "COLUMN3"]);
}

#[test]
fn lines_are_read_and_not_written() {
    let columns = schema(&[("a", DataType::Utf8, true)]);
    assert!(
        log("w3c", &[("w3c.pattern", "AGENT")]).encoder(columns).err().unwrap().to_string().contains("can't write")
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(seed: u64) {
        let rng = &mut rng(seed);
        let good: [&[u8]; 4] = [
            COMMON.as_bytes(),
            b"<165>1 2003-10-11T22:14:15.003Z h app - ID47 [a@1 k=\"v\"] text",
            b"<34>Oct 11 22:14:15 mymachine su[17]: failed",
            "ab-12-é|x".as_bytes(),
        ];
        let hostile = hostile(rng, &good);
        let formats = [
            log("regex", &[("regex.pattern", r"(\w+)-(\d+)?(.*)")]),
            log("w3c", &[("w3c.pattern", "NCSA EXTENDED")]),
            log("w3c", &[("w3c.pattern", "COMMON")]),
            log("syslog", &[]),
            log("syslog", &[("syslog.standard", "rfc5424")]),
            log("fixed-columns", &[("fixed-columns.columns", "a TYPE VARCHAR(3) START 1 FOR 4, b TYPE INT START 9")]),
            log("variable-columns", &[("variable-columns.columns", "2"), ("variable-columns.escape", "-")]),
        ];
        for format in formats {
            stands(&mut *format.decoder(format.own_schema().unwrap()).unwrap(), &hostile);
        }
    }

    #[test]
    fn no_declaration_panics(text in "[a-zA-Z0-9%>{}\\[\\]\"(), é]{0,40}") {
        for (format, option) in
            [("regex", "regex.pattern"), ("w3c", "w3c.pattern"), ("fixed-columns", "fixed-columns.columns"),
             ("variable-columns", "variable-columns.columns")]
        {
            let _ = Format::named(format, &[(option, text.as_str())].into_iter().collect());
        }
    }
}
