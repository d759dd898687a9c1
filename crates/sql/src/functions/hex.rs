//! `HEX(x)`: texts and bytes byte by byte, numbers without leading zeros.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{Expr, ScalarUDF};

use super::scalar::Function;

/// A call of it.
pub(crate) fn hex(of: Expr) -> Expr {
    ScalarUDF::from(function()).call(vec![of])
}

pub(super) fn function() -> Function {
    Function {
        name: "hex",
        takes: |types| match types {
            [DataType::Binary] => Ok(types.to_vec()),
            [of] if of.is_string() || of.is_null() => Ok(vec![DataType::Utf8]),
            [of] if of.is_integer() => Ok(vec![DataType::Int64]),
            _ => plan_err!("HEX takes a text, bytes or a whole number"),
        },
        gives: |_| DataType::Utf8,
        does,
    }
}

fn does(args: &[ArrayRef]) -> Result<ArrayRef> {
    let [of] = args else { return plan_err!("HEX takes one argument") };
    let written: StringArray = match of.data_type() {
        DataType::Binary => of.as_binary::<i32>().iter().map(|bytes| bytes.map(digits)).collect(),
        DataType::Utf8 => of.as_string::<i32>().iter().map(|text| text.map(|text| digits(text.as_bytes()))).collect(),
        _ => of.as_primitive::<Int64Type>().iter().map(|number| number.map(|number| format!("{number:X}"))).collect(),
    };
    Ok(Arc::new(written))
}

fn digits(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text can't fail.
        let _ = write!(out, "{byte:02X}");
    }
    out
}
