//! Types as they are written.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Fields};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{place, unexpected, word, words};
use crate::error::{Kind, Result, SqlError};
use crate::types::{SqlType, array, map, timestamp};

/// The types that can be written, for messages.
const KNOWN: [&str; 24] = [
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "INTEGER",
    "BIGINT",
    "FLOAT",
    "REAL",
    "DOUBLE",
    "DECIMAL",
    "NUMERIC",
    "STRING",
    "VARCHAR",
    "CHAR",
    "BYTES",
    "BINARY",
    "VARBINARY",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "ARRAY",
    "MAP",
    "ROW",
];

/// Most digits of a second.
const DIGITS_MAX: u32 = 9;
/// How deep types may lie in each other.
const DEPTH_MAX: u32 = 32;

/// Reads a type.
pub(super) fn sql_type(parser: &mut Parser<'_>) -> Result<SqlType> {
    nested(parser, DEPTH_MAX)
}

fn nested(parser: &mut Parser<'_>, depth: u32) -> Result<SqlType> {
    let at = place(parser);
    let Some(depth) = depth.checked_sub(1) else {
        return Err(SqlError::new(Kind::Syntax, "the type is nested too deeply").at(at));
    };
    let found = parser.next_token();
    let Token::Word(name) = &found.token else {
        return Err(SqlError::new(Kind::Syntax, format!("expected a type, found: {}", found.token)).at(at));
    };
    let plain = |data_type| Ok(SqlType::plain(data_type));
    match name.value.to_ascii_uppercase().as_str() {
        "BOOLEAN" | "BOOL" => plain(DataType::Boolean),
        "TINYINT" => plain(DataType::Int8),
        "SMALLINT" => plain(DataType::Int16),
        "INT" | "INTEGER" => plain(DataType::Int32),
        "BIGINT" => plain(DataType::Int64),
        "FLOAT" | "REAL" => plain(DataType::Float32),
        "DOUBLE" => {
            word(parser, "PRECISION");
            plain(DataType::Float64)
        }
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(parser),
        "STRING" | "TEXT" => plain(DataType::Utf8),
        "VARCHAR" | "CHAR" | "CHARACTER" => {
            word(parser, "VARYING");
            let length = length(parser)?;
            Ok(SqlType { data_type: DataType::Utf8, length })
        }
        "BYTES" => plain(DataType::Binary),
        "BINARY" | "VARBINARY" => {
            let length = length(parser)?;
            Ok(SqlType { data_type: DataType::Binary, length })
        }
        "DATE" => plain(DataType::Date32),
        "TIME" => {
            let digits = digits(parser, 0)?;
            words(parser, &["WITHOUT", "TIME", "ZONE"]);
            plain(match digits {
                0..=3 => DataType::Time32(arrow::datatypes::TimeUnit::Millisecond),
                digits => DataType::Time64(crate::types::time_unit(digits)),
            })
        }
        "TIMESTAMP" => {
            let digits = digits(parser, 6)?;
            words(parser, &["WITHOUT", "TIME", "ZONE"]);
            let zoned = words(parser, &["WITH", "LOCAL", "TIME", "ZONE"]) || words(parser, &["WITH", "TIME", "ZONE"]);
            plain(timestamp(digits, zoned))
        }
        "TIMESTAMP_LTZ" => plain(timestamp(digits(parser, 6)?, true)),
        "ARRAY" => {
            let item = inner(parser, depth)?;
            close(parser)?;
            plain(array(item))
        }
        "MULTISET" => {
            let item = inner(parser, depth)?;
            close(parser)?;
            plain(map(item, DataType::Int32))
        }
        "MAP" => {
            let key = inner(parser, depth)?;
            expect(parser, &Token::Comma)?;
            let value = nullable(parser, depth)?;
            close(parser)?;
            plain(map(key, value))
        }
        "ROW" => row(parser, depth),
        other => {
            let error = SqlError::new(Kind::Type, format!("there is no type {other}")).at(at);
            Err(match crate::error::similar(other, KNOWN) {
                Some(known) => error.hint(format!("did you mean {known}?")),
                None => error.hint(format!("the types are {}", KNOWN.join(", "))),
            })
        }
    }
}

fn inner(parser: &mut Parser<'_>, depth: u32) -> Result<DataType> {
    expect(parser, &Token::Lt)?;
    nullable(parser, depth)
}

/// A type inside another one; what is inside may always be null.
fn nullable(parser: &mut Parser<'_>, depth: u32) -> Result<DataType> {
    let inner = nested(parser, depth)?;
    if !words(parser, &["NOT", "NULL"]) {
        word(parser, "NULL");
    }
    Ok(inner.data_type)
}

fn row(parser: &mut Parser<'_>, depth: u32) -> Result<SqlType> {
    let close_by = match parser.next_token().token {
        Token::Lt => Token::Gt,
        Token::LParen => Token::RParen,
        _ => {
            parser.prev_token();
            return Err(unexpected(parser, "< or ( after ROW"));
        }
    };
    let mut fields = Vec::new();
    loop {
        let name = parser.parse_identifier()?.value;
        let data_type = nullable(parser, depth)?;
        if matches!(parser.peek_token_ref().token, Token::SingleQuotedString(_)) {
            parser.next_token();
        }
        fields.push(Field::new(name, data_type, true));
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    expect(parser, &close_by)?;
    Ok(SqlType::plain(DataType::Struct(Fields::from(fields))))
}

fn expect(parser: &mut Parser<'_>, token: &Token) -> Result<()> {
    parser.expect_token(token)?;
    Ok(())
}

fn close(parser: &mut Parser<'_>) -> Result<()> {
    expect(parser, &Token::Gt)
}

fn number(parser: &mut Parser<'_>) -> Result<u32> {
    let at = place(parser);
    match parser.next_token().token {
        Token::Number(text, _) => {
            text.parse().map_err(|_| SqlError::new(Kind::Syntax, format!("{text} is too large")).at(at))
        }
        other => Err(SqlError::new(Kind::Syntax, format!("expected a number, found: {other}")).at(at)),
    }
}

fn length(parser: &mut Parser<'_>) -> Result<Option<u32>> {
    if !parser.consume_token(&Token::LParen) {
        return Ok(None);
    }
    let length = number(parser)?;
    expect(parser, &Token::RParen)?;
    Ok((length < i32::MAX as u32).then_some(length))
}

fn digits(parser: &mut Parser<'_>, default: u32) -> Result<u32> {
    let at = place(parser);
    let digits = match parser.consume_token(&Token::LParen) {
        true => {
            let digits = number(parser)?;
            expect(parser, &Token::RParen)?;
            digits
        }
        false => default,
    };
    if digits > DIGITS_MAX {
        return Err(
            SqlError::new(Kind::Type, format!("a second has at most {DIGITS_MAX} digits here, not {digits}")).at(at)
        );
    }
    Ok(digits)
}

fn decimal(parser: &mut Parser<'_>) -> Result<SqlType> {
    let at = place(parser);
    let (mut precision, mut scale) = (10, 0);
    if parser.consume_token(&Token::LParen) {
        precision = number(parser)?;
        if parser.consume_token(&Token::Comma) {
            scale = number(parser)?;
        }
        expect(parser, &Token::RParen)?;
    }
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(p @ 1..=DECIMAL128_MAX_PRECISION), Ok(s)) if scale <= precision => {
            Ok(SqlType::plain(DataType::Decimal128(p, s)))
        }
        _ => Err(SqlError::new(
            Kind::Type,
            format!("DECIMAL({precision}, {scale}): the precision is 1 to {DECIMAL128_MAX_PRECISION}, the scale at most the precision"),
        )
        .at(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::dialect::StreamingDialect;
    use crate::types::name;

    fn read(text: &str) -> Result<SqlType> {
        let mut parser = crate::parse::script::parser(&StreamingDialect, text)?;
        sql_type(&mut parser)
    }

    #[test]
    fn types_are_read_as_flink_reads_them() {
        for (written, meant) in [
            ("string", "STRING"),
            ("VARCHAR(20)", "STRING"),
            ("TIMESTAMP", "TIMESTAMP(6)"),
            ("TIMESTAMP(3)", "TIMESTAMP(3)"),
            ("TIMESTAMP_LTZ(9)", "TIMESTAMP_LTZ(9)"),
            ("TIMESTAMP(0) WITH LOCAL TIME ZONE", "TIMESTAMP_LTZ(3)"),
            ("DECIMAL", "DECIMAL(10, 0)"),
            ("NUMERIC(38, 18)", "DECIMAL(38, 18)"),
            ("DOUBLE PRECISION", "DOUBLE"),
            (
                "MAP<STRING, ARRAY<ROW<a INT NOT NULL, `b c` DOUBLE 'comment'>>>",
                "MAP<STRING, ARRAY<ROW<a INT, b c DOUBLE>>>",
            ),
            ("ROW(a BIGINT)", "ROW<a BIGINT>"),
        ] {
            assert_eq!(read(written).map(|read| name(&read.data_type)), Ok(meant.to_owned()), "{written}");
        }
        assert_eq!(read("VARCHAR(20)").unwrap().length, Some(20));
    }

    #[test]
    fn what_is_no_type_is_refused_with_what_was_meant() {
        assert_eq!(read("BIGINTEGER").unwrap_err().hint.unwrap(), "did you mean BIGINT?");
        assert!(read("DECIMAL(39)").unwrap_err().message.contains("1 to 38"));
        assert!(read("TIMESTAMP(10)").is_err());
        assert!(read(&"ARRAY<".repeat(100)).unwrap_err().message.contains("too deeply"));
    }
}
