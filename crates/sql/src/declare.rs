//! `CREATE TABLE`: a statement to a table, checked.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::DFSchema;
use datafusion::logical_expr::ExprSchemable;
use datafusion::sql::sqlparser::ast::Ident;
use tidemill_connectors::connector::{TableColumn, TableDeclaration};

use crate::catalog::{Origin, Table, Watermark};
use crate::error::{Kind, Place, Result, SqlError, similar};
use crate::functions::is_processing_time;
use crate::logical::Names;
use crate::parse::statement::{Column, ColumnKind, CreateTable, Statement, Taken};
use crate::types::{SqlType, name};

/// Makes a table of its declaration.
pub(crate) fn table(declared: CreateTable, names: &Names<'_>) -> Result<Table> {
    let declared = match declared.like.clone() {
        Some((like, taken)) => merged(declared, &like, taken, names)?,
        None => declared,
    };
    if declared.columns.is_empty() {
        return Err(SqlError::declaration(format!("table '{}' has no columns", declared.name.value)));
    }
    for (n, column) in declared.columns.iter().enumerate() {
        if declared.columns.iter().take(n).any(|other| other.name.value == column.name.value) {
            let message = format!("column '{}' is declared twice", column.name.value);
            return Err(SqlError::declaration(message).at(Place::of(column.name.span)));
        }
    }
    let columns: Vec<TableColumn> = declared.columns.iter().filter_map(connector_column).collect();
    let physical = Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>());
    let physical = DFSchema::try_from(physical)?;
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut origins = Vec::new();
    let mut connector = 0;
    for column in &declared.columns {
        let (origin, field) = match &column.kind {
            ColumnKind::Computed(expression) => {
                let planned = names.expression(expression.as_ref().clone(), &physical);
                let planned = planned.map_err(|error| error.at(Place::of(column.name.span)))?;
                match is_processing_time(&planned) {
                    true => {
                        (Origin::ProcessingTime, Field::new(&column.name.value, crate::types::timestamp(3, true), true))
                    }
                    false => {
                        let data_type = planned.get_type(&physical)?;
                        (
                            Origin::Computed(planned, expression.to_string()),
                            Field::new(&column.name.value, data_type, true),
                        )
                    }
                }
            }
            ColumnKind::Physical { .. } | ColumnKind::Metadata { .. } => {
                let place = connector;
                connector += 1;
                let field = columns.get(place).map(|column| column.field.as_ref().clone());
                (Origin::Connector(place), field.unwrap_or_else(|| Field::new("", DataType::Null, true)))
            }
        };
        origins.push(origin);
        fields.push(Arc::new(field));
    }
    let schema = Arc::new(Schema::new(fields));
    let place_of = |column: &Ident| {
        schema.index_of(&column.value).map_err(|_| {
            let message = format!("table '{}' has no column '{}'", declared.name.value, column.value);
            let error = SqlError::new(Kind::Name, message).at(Place::of(column.span));
            match similar(&column.value, schema.fields().iter().map(|field| field.name().as_str())) {
                Some(known) => error.hint(format!("did you mean '{known}'?")),
                None => error,
            }
        })
    };
    let watermark = match &declared.watermark {
        None => None,
        Some(watermark) => {
            let column = place_of(&watermark.column)?;
            let field = schema.field(column);
            if !matches!(field.data_type(), DataType::Timestamp(..)) {
                let message =
                    format!("event time is a TIMESTAMP, but '{}' is {}", field.name(), name(field.data_type()));
                let hint = "compute one: `ts AS TO_TIMESTAMP(text)`, `ts AS TO_TIMESTAMP_LTZ(ms, 3)`";
                return Err(SqlError::new(Kind::Type, message).hint(hint).at(Place::of(watermark.column.span)));
            }
            let whole = DFSchema::try_from(schema.as_ref().clone())?;
            let expression = names.expression(watermark.expression.clone(), &whole);
            let expression = expression.map_err(|error| error.at(Place::of(watermark.column.span)))?;
            if !matches!(expression.get_type(&whole)?, DataType::Timestamp(..)) {
                let found = name(&expression.get_type(&whole)?);
                let message = format!("a watermark is a TIMESTAMP, not {found}");
                let hint = format!("write WATERMARK FOR {0} AS {0} - INTERVAL '5' SECOND", field.name());
                return Err(SqlError::new(Kind::Type, message).hint(hint).at(Place::of(watermark.column.span)));
            }
            Some(Watermark { column, expression, text: watermark.expression.to_string() })
        }
    };
    let primary_key = declared.primary_key.iter().map(place_of).collect::<Result<Vec<usize>>>()?;
    let partitions = declared.partitioned_by.iter().map(place_of).collect::<Result<Vec<usize>>>()?;
    let names_of = |places: &[usize]| places.iter().map(|place| schema.field(*place).name().clone()).collect();
    let declaration = TableDeclaration {
        name: declared.name.value.clone(),
        columns,
        primary_key: names_of(&primary_key),
        partitioned_by: names_of(&partitions),
        options: declared.options.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
    };
    tidemill_connectors::catalog::Settings::new(&declaration)
        .map_err(|error| SqlError::new(Kind::Connector, format!("table '{}': {error}", declaration.name)))?;
    Ok(Table {
        name: declared.name.value,
        declaration,
        schema,
        origins,
        watermark,
        primary_key,
        comments: declared.columns.into_iter().map(|column| column.comment).collect(),
        text: declared.text,
        hinted: false,
    })
}

/// What the connector reads or writes of a column; none of a computed one.
fn connector_column(column: &Column) -> Option<TableColumn> {
    let column_name = &column.name.value;
    match &column.kind {
        ColumnKind::Physical { data_type, nullable } => {
            Some(TableColumn { field: data_type.field(column_name, *nullable), metadata: None, read_only: false })
        }
        ColumnKind::Metadata { data_type, nullable, key, is_virtual } => Some(TableColumn {
            field: data_type.field(column_name, *nullable),
            metadata: Some(key.clone().unwrap_or_else(|| column_name.clone())),
            read_only: *is_virtual,
        }),
        ColumnKind::Computed(_) => None,
    }
}

/// What `LIKE` takes from another table; what is said anew wins.
fn merged(mut declared: CreateTable, like: &Ident, taken: Taken, names: &Names<'_>) -> Result<CreateTable> {
    let base = names.catalog.table(&like.value).map_err(|error| error.at(Place::of(like.span)))?;
    let parsed = crate::parse::parse(&base.text)?.pop().map(|located| located.statement);
    let Some(Statement::CreateTable(base)) = parsed else {
        return Err(SqlError::declaration(format!("'{}' can't be taken as a model", like.value)));
    };
    let mut base = match base.like.clone() {
        Some((like, taken)) => merged(*base, &like, taken, names)?,
        None => *base,
    };
    base.columns.retain(|column| match column.kind {
        ColumnKind::Physical { .. } => true,
        ColumnKind::Computed(_) => taken.generated,
        ColumnKind::Metadata { .. } => taken.metadata,
    });
    base.watermark = base.watermark.filter(|_| taken.watermarks);
    if !taken.constraints {
        base.primary_key.clear();
    }
    if !taken.partitions {
        base.partitioned_by.clear();
    }
    if !taken.options {
        base.options.clear();
    }
    let own = std::mem::take(&mut declared.columns);
    declared.columns = base.columns;
    declared.columns.retain(|column| !own.iter().any(|other| other.name.value == column.name.value));
    declared.columns.extend(own);
    declared.watermark = declared.watermark.or(base.watermark);
    if declared.primary_key.is_empty() {
        declared.primary_key = base.primary_key;
    }
    if declared.partitioned_by.is_empty() {
        declared.partitioned_by = base.partitioned_by;
    }
    let connector =
        |options: &[(String, String)]| options.iter().find(|(key, _)| key == "connector").map(|(_, v)| v.clone());
    // Another connector doesn't know the options of the first.
    if connector(&declared.options).is_none_or(|own| connector(&base.options) == Some(own)) {
        for (key, value) in base.options {
            if !declared.options.iter().any(|(known, _)| *known == key) {
                declared.options.push((key, value));
            }
        }
    }
    declared.like = None;
    Ok(declared)
}

/// The table of `CREATE TABLE … AS query`, whose columns are these.
pub(crate) fn table_of(mut declared: CreateTable, columns: &DFSchema, names: &Names<'_>) -> Result<Table> {
    declared.columns = columns
        .fields()
        .iter()
        .map(|field| Column {
            name: Ident::with_quote('`', field.name()),
            kind: ColumnKind::Physical {
                data_type: SqlType::plain(field.data_type().clone()),
                nullable: !declared.primary_key.iter().any(|key| key.value == *field.name()),
            },
            comment: None,
        })
        .collect();
    let lines = |lines: Vec<String>| lines.join(",\n  ");
    let of_column = |field: &FieldRef| format!("`{}` {}", field.name(), name(field.data_type()));
    let list =
        |columns: &[Ident]| columns.iter().map(|column| format!("`{}`", column.value)).collect::<Vec<_>>().join(", ");
    let key = (!declared.primary_key.is_empty())
        .then(|| format!("PRIMARY KEY ({}) NOT ENFORCED", list(&declared.primary_key)));
    let watermark = declared.watermark.as_ref();
    let watermark = watermark.map(|of| format!("WATERMARK FOR `{}` AS {}", of.column.value, of.expression));
    let elements = columns.fields().iter().map(of_column).chain(watermark).chain(key).collect();
    let quoted = |text: &str| text.replace('\'', "''");
    let options = declared.options.iter().map(|(key, value)| format!("'{}' = '{}'", quoted(key), quoted(value)));
    let partitions = match declared.partitioned_by.is_empty() {
        true => String::new(),
        false => format!(" PARTITIONED BY ({})", list(&declared.partitioned_by)),
    };
    declared.text = format!(
        "CREATE TABLE `{}` (\n  {}\n){partitions} WITH (\n  {}\n)",
        declared.name.value,
        lines(elements),
        lines(options.collect())
    );
    table(declared, names)
}

/// The same table with other options, for one statement.
pub(crate) fn with_options(table: &Table, options: &[(String, String)]) -> Result<Table> {
    let mut declaration = table.declaration.clone();
    for (key, value) in options {
        if key == "connector" {
            let error = SqlError::declaration("the hint OPTIONS can't give a table another connector");
            return Err(error.hint("declare another table"));
        }
        declaration.options = declaration.options.with(key, value);
    }
    tidemill_connectors::catalog::Settings::new(&declaration)
        .map_err(|error| SqlError::new(Kind::Connector, format!("table '{}': {error}", table.name)))?;
    let said: Vec<String> = options.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let name = format!("{} with {}", table.name, said.join(", "));
    Ok(Table { name, declaration, hinted: true, ..table.clone() })
}

/// Rows of `DESCRIBE`: name, type, null, key, from, watermark, comment.
pub(crate) fn describe(table: &Table) -> Vec<Vec<String>> {
    let row = |(place, field): (usize, &FieldRef)| {
        let from = match table.origins.get(place) {
            Some(Origin::Computed(_, text)) => format!("AS {text}"),
            Some(Origin::ProcessingTime) => "AS PROCTIME()".to_owned(),
            Some(Origin::Connector(column)) => {
                let metadata = table.declaration.columns.get(*column).and_then(|column| column.metadata.as_ref());
                metadata.map(|key| format!("METADATA FROM '{key}'")).unwrap_or_default()
            }
            None => String::new(),
        };
        let watermark = table.watermark.as_ref().filter(|watermark| watermark.column == place);
        vec![
            field.name().clone(),
            name(field.data_type()),
            field.is_nullable().to_string(),
            if table.primary_key.contains(&place) { "PRI".to_owned() } else { String::new() },
            from,
            watermark.map(|watermark| watermark.text.clone()).unwrap_or_default(),
            table.comments.get(place).cloned().flatten().unwrap_or_default(),
        ]
    };
    table.schema.fields().iter().enumerate().map(row).collect()
}
