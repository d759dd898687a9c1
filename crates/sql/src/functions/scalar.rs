//! A scalar function as data: what it takes, gives and does.

use std::hash::{Hash, Hasher};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// A function of columns.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The types that it takes in place of these, or why it takes none of them.
    pub(super) takes: fn(&[DataType]) -> Result<Vec<DataType>>,
    /// The type of its value, by those that it takes.
    pub(super) gives: fn(&[DataType]) -> DataType,
    pub(super) does: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

struct Scalar {
    function: Function,
    signature: Signature,
}

impl From<Function> for ScalarUDF {
    fn from(function: Function) -> Self {
        // What orders rows stays where it is.
        let volatility =
            if function.name == super::kinesis::ARRIVAL { Volatility::Volatile } else { Volatility::Immutable };
        ScalarUDF::new_from_impl(Scalar { function, signature: Signature::user_defined(volatility) })
    }
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.function.name)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &'static str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        (self.function.takes)(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok((self.function.gives)(types))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns: Vec<ArrayRef> =
            args.args.into_iter().map(|arg| arg.into_array(args.number_rows)).collect::<Result<_>>()?;
        (self.function.does)(&columns).map(ColumnarValue::Array)
    }
}
