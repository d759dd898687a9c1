//! Which fields of a table's ROWs a plan reads: sources need not make the others.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::Expr;

/// What is read of columns, by their names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(BTreeMap<String, Part>);

/// What is read of a column.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Whole,
    Fields(BTreeSet<String>),
}

impl Fields {
    /// Adds what an expression reads.
    pub(crate) fn add(&mut self, expression: &Expr) {
        let visited = expression.apply(|expression| {
            if let Some((column, field)) = field_of(expression) {
                let part = self.0.entry(column.to_owned()).or_insert_with(|| Part::Fields(BTreeSet::new()));
                if let Part::Fields(fields) = part {
                    fields.insert(field.to_owned());
                }
                return Ok(TreeNodeRecursion::Jump);
            }
            if let Expr::Column(column) = expression {
                self.add_whole(&column.name);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(visited.is_ok(), "nothing in it fails");
    }

    /// Adds all of a column.
    pub(crate) fn add_whole(&mut self, column: &str) {
        self.0.insert(column.to_owned(), Part::Whole);
    }

    /// Whether a field is read.
    pub(crate) fn reads(&self, column: &str, field: &str) -> bool {
        match self.0.get(column) {
            Some(Part::Fields(fields)) => fields.contains(field),
            Some(Part::Whole) => true,
            None => false,
        }
    }
}

/// The column and the field where an expression is `column.field`.
fn field_of(expression: &Expr) -> Option<(&str, &str)> {
    let Expr::ScalarFunction(call) = expression else { return None };
    let [Expr::Column(column), Expr::Literal(field, _), ..] = call.args.as_slice() else { return None };
    call.func.inner().is::<GetFieldFunc>().then_some(())?;
    Some((&column.name, field.try_as_str().flatten()?))
}

#[cfg(test)]
mod tests {
    use datafusion::functions::core::expr_fn::get_field;
    use datafusion::logical_expr::{col, lit};

    use super::Fields;

    #[test]
    fn fields_are_read_until_the_whole_column_is() {
        let mut fields = Fields::default();
        fields.add(&get_field(col("bid"), "price").gt(lit(5)));
        fields.add(&get_field(get_field(col("bid"), "item"), "name"));
        let read = |fields: &Fields| ["price", "item", "name"].map(|field| fields.reads("bid", field));
        assert_eq!(read(&fields), [true, true, false]);
        assert!(!fields.reads("auction", "id"));
        fields.add(&col("bid").is_null());
        fields.add(&get_field(col("bid"), "price"));
        assert_eq!(read(&fields), [true, true, true]);
    }
}
