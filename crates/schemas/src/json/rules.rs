//! Every rule: its name, whether a difference under it breaks reading, what it says, and what helps.
//!
//! The names, and which of them break, are those of Confluent's checker under its strict policy, so that a verdict here
//! is a verdict there. `{name}` is the keyword or property in question.

/// A rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) breaks: bool,
    pub(super) reason: &'static str,
    pub(super) remedy: &'static str,
}

/// A difference that changes nothing for readers, or lets them accept more.
const fn fine(name: &'static str, reason: &'static str) -> Rule {
    Rule { name, breaks: false, reason, remedy: "" }
}

const fn breaks(name: &'static str, reason: &'static str, remedy: &'static str) -> Rule {
    Rule { name, breaks: true, reason, remedy }
}

/// How a bound changed.
pub(super) struct Bound {
    pub(super) keyword: &'static str,
    pub(super) added: Rule,
    pub(super) removed: Rule,
    pub(super) increased: Rule,
    pub(super) decreased: Rule,
}

const TIGHTER: &str = "the reader's {name} accepts less than the writer's";
const WIDER: &str = "the reader's {name} accepts more than the writer's";
const ADDED: &str = "the reader has a {name}, the writer none";
const REMOVED: &str = "the writer has a {name}, the reader none";
const LOOSEN: &str = "keep the writer's {name}, or loosen it";
const DROP: &str = "leave {name} out";

macro_rules! upper {
    ($keyword:literal, $added:literal, $removed:literal, $increased:literal, $decreased:literal) => {
        Bound {
            keyword: $keyword,
            added: breaks($added, ADDED, DROP),
            removed: fine($removed, REMOVED),
            increased: fine($increased, WIDER),
            decreased: breaks($decreased, TIGHTER, LOOSEN),
        }
    };
}

macro_rules! lower {
    ($keyword:literal, $added:literal, $removed:literal, $increased:literal, $decreased:literal) => {
        Bound {
            keyword: $keyword,
            added: breaks($added, ADDED, DROP),
            removed: fine($removed, REMOVED),
            increased: breaks($increased, TIGHTER, LOOSEN),
            decreased: fine($decreased, WIDER),
        }
    };
}

pub(super) static MAX_LENGTH: Bound =
    upper!("maxLength", "MAX_LENGTH_ADDED", "MAX_LENGTH_REMOVED", "MAX_LENGTH_INCREASED", "MAX_LENGTH_DECREASED");
pub(super) static MIN_LENGTH: Bound =
    lower!("minLength", "MIN_LENGTH_ADDED", "MIN_LENGTH_REMOVED", "MIN_LENGTH_INCREASED", "MIN_LENGTH_DECREASED");
pub(super) static MAXIMUM: Bound =
    upper!("maximum", "MAXIMUM_ADDED", "MAXIMUM_REMOVED", "MAXIMUM_INCREASED", "MAXIMUM_DECREASED");
pub(super) static MINIMUM: Bound =
    lower!("minimum", "MINIMUM_ADDED", "MINIMUM_REMOVED", "MINIMUM_INCREASED", "MINIMUM_DECREASED");
pub(super) static EXCLUSIVE_MAXIMUM: Bound = upper!(
    "exclusiveMaximum",
    "EXCLUSIVE_MAXIMUM_ADDED",
    "EXCLUSIVE_MAXIMUM_REMOVED",
    "EXCLUSIVE_MAXIMUM_INCREASED",
    "EXCLUSIVE_MAXIMUM_DECREASED"
);
pub(super) static EXCLUSIVE_MINIMUM: Bound = lower!(
    "exclusiveMinimum",
    "EXCLUSIVE_MINIMUM_ADDED",
    "EXCLUSIVE_MINIMUM_REMOVED",
    "EXCLUSIVE_MINIMUM_INCREASED",
    "EXCLUSIVE_MINIMUM_DECREASED"
);
pub(super) static MAX_PROPERTIES: Bound = upper!(
    "maxProperties",
    "MAX_PROPERTIES_ADDED",
    "MAX_PROPERTIES_REMOVED",
    "MAX_PROPERTIES_INCREASED",
    "MAX_PROPERTIES_DECREASED"
);
pub(super) static MIN_PROPERTIES: Bound = lower!(
    "minProperties",
    "MIN_PROPERTIES_ADDED",
    "MIN_PROPERTIES_REMOVED",
    "MIN_PROPERTIES_INCREASED",
    "MIN_PROPERTIES_DECREASED"
);
pub(super) static MAX_ITEMS: Bound =
    upper!("maxItems", "MAX_ITEMS_ADDED", "MAX_ITEMS_REMOVED", "MAX_ITEMS_INCREASED", "MAX_ITEMS_DECREASED");
pub(super) static MIN_ITEMS: Bound =
    lower!("minItems", "MIN_ITEMS_ADDED", "MIN_ITEMS_REMOVED", "MIN_ITEMS_INCREASED", "MIN_ITEMS_DECREASED");
pub(super) static MAX_CONTAINS: Bound = upper!(
    "maxContains",
    "MAX_CONTAINS_ADDED",
    "MAX_CONTAINS_REMOVED",
    "MAX_CONTAINS_INCREASED",
    "MAX_CONTAINS_DECREASED"
);
pub(super) static MIN_CONTAINS: Bound = lower!(
    "minContains",
    "MIN_CONTAINS_ADDED",
    "MIN_CONTAINS_REMOVED",
    "MIN_CONTAINS_INCREASED",
    "MIN_CONTAINS_DECREASED"
);

macro_rules! rules {
    ($($name:ident: $kind:ident($($text:expr),+);)+) => {
        $(pub(super) static $name: Rule = $kind(stringify!($name), $($text),+);)+
    };
}

rules! {
    ID_CHANGED: fine("the id changed");
    TITLE_CHANGED: fine("the title changed");
    DESCRIPTION_CHANGED: fine("the description changed");
    DEFAULT_CHANGED: fine("the default changed");
    SCHEMA_ADDED: breaks("the reader has a schema here, the writer accepts anything", "leave the schema out");
    SCHEMA_REMOVED: fine("the reader accepts anything here");
    TYPE_EXTENDED: fine("the reader's type is wider");
    TYPE_NARROWED: breaks("the reader takes whole numbers, the writer any", "keep the type number");
    TYPE_CHANGED: breaks("the reader's type is another", "keep the writer's type, or accept both with anyOf");
    PATTERN_ADDED: breaks(ADDED, DROP);
    PATTERN_REMOVED: fine(REMOVED);
    PATTERN_CHANGED: breaks("the pattern is another", "keep the writer's pattern, or leave it out");
    MULTIPLE_OF_ADDED: breaks(ADDED, DROP);
    MULTIPLE_OF_REMOVED: fine(REMOVED);
    MULTIPLE_OF_EXPANDED: breaks(TIGHTER, LOOSEN);
    MULTIPLE_OF_REDUCED: fine(WIDER);
    MULTIPLE_OF_CHANGED: breaks("multipleOf is another number", "use a divisor of the writer's multipleOf");
    REQUIRED_ATTRIBUTE_ADDED: breaks(
        "the property {name} is required now, the writer may leave it out",
        "leave {name} out of required, or give it a default"
    );
    REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED: fine("the property {name} is required now, and has a default");
    REQUIRED_ATTRIBUTE_REMOVED: fine("the property {name} is no longer required");
    DEPENDENCY_ARRAY_ADDED: breaks("{name} depends on properties now", "leave the dependency out");
    DEPENDENCY_ARRAY_REMOVED: fine("{name} depends on nothing now");
    DEPENDENCY_ARRAY_EXTENDED: breaks("{name} depends on more properties", "keep the writer's dependencies");
    DEPENDENCY_ARRAY_NARROWED: fine("{name} depends on fewer properties");
    DEPENDENCY_ARRAY_CHANGED: breaks("{name} depends on other properties", "keep the writer's dependencies");
    DEPENDENCY_SCHEMA_ADDED: breaks("{name} brings a schema now", "leave the dependency out");
    DEPENDENCY_SCHEMA_REMOVED: fine("{name} brings no schema now");
    ADDITIONAL_PROPERTIES_ADDED: fine("other properties are allowed now");
    ADDITIONAL_PROPERTIES_REMOVED: breaks(
        "other properties are refused now, the writer may have them",
        "allow additionalProperties as the writer does"
    );
    ADDITIONAL_PROPERTIES_EXTENDED: fine("other properties may be anything now");
    ADDITIONAL_PROPERTIES_NARROWED: breaks(
        "other properties have a schema now, the writer's may be anything",
        "allow additionalProperties as the writer does"
    );
    PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL: fine("the property {name} may still come, as any other");
    PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL: breaks(
        "the writer's property {name} is refused, since no other properties are allowed",
        "keep {name}, or allow additionalProperties"
    );
    PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL: fine("the property {name} was never accepted");
    PROPERTY_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: fine("the property {name} is accepted as an other one");
    PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: breaks(
        "the writer's property {name} does not fit the schema of other properties",
        "keep {name}, or widen additionalProperties"
    );
    PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL: breaks(
        "the writer allows any properties, so it may have a {name} of another type",
        "set additionalProperties to false in the first version, or give {name} no type"
    );
    PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL: fine("the property {name} may be anything");
    PROPERTY_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: fine("the writer's other properties fit {name}");
    PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: breaks(
        "the writer's other properties do not fit {name}",
        "give {name} the schema of the writer's additionalProperties, or a wider one"
    );
    REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL: breaks(
        "the property {name} is required and the writer has it not",
        "leave {name} out of required, or give it a default"
    );
    REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_UNOPEN_CONTENT_MODEL: fine("the new property {name} has a default");
    OPTIONAL_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL: fine("the new property {name} is optional");
    UNIQUE_ITEMS_ADDED: breaks("items must differ now", "leave uniqueItems out");
    UNIQUE_ITEMS_REMOVED: fine("items may be equal now");
    ADDITIONAL_ITEMS_ADDED: fine("further items are allowed now");
    ADDITIONAL_ITEMS_REMOVED: breaks("further items are refused now", "allow further items as the writer does");
    ADDITIONAL_ITEMS_EXTENDED: fine("further items may be anything now");
    ADDITIONAL_ITEMS_NARROWED: breaks("further items have a schema now", "allow further items as the writer does");
    ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL: fine("the item may still come, as any other");
    ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL: breaks(
        "the writer's item is refused, since no further items are allowed",
        "keep the item, or allow further ones"
    );
    ITEM_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL: fine("the item was never accepted");
    ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: fine("the item is accepted as a further one");
    ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: breaks(
        "the writer's item does not fit the schema of further ones",
        "keep the item, or widen the schema of further ones"
    );
    ITEM_ADDED_TO_OPEN_CONTENT_MODEL: breaks(
        "the writer allows any further items, so it may have one of another type",
        "refuse further items in the first version, or give the item no type"
    );
    ITEM_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL: fine("the new item may be anything");
    ITEM_ADDED_TO_CLOSED_CONTENT_MODEL: fine("the new item never came before");
    ITEM_ADDED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: fine("the writer's further items fit the new one");
    ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL: breaks(
        "the writer's further items do not fit the new one",
        "give the item the schema of the writer's further items, or a wider one"
    );
    ENUM_ARRAY_EXTENDED: fine("more values are allowed");
    ENUM_ARRAY_NARROWED: breaks("fewer values are allowed", "keep all values that the writer allows");
    ENUM_ARRAY_CHANGED: breaks("other values are allowed", "keep all values that the writer allows");
    COMBINED_TYPE_EXTENDED: fine("the combination accepts more");
    COMBINED_TYPE_CHANGED: breaks("schemas are combined otherwise", "keep the writer's combination, or use anyOf");
    COMBINED_TYPE_SUBSCHEMAS_CHANGED: breaks(
        "not every schema of the combination has one that accepts it",
        "keep the writer's schemas in {name}"
    );
    PRODUCT_TYPE_EXTENDED: breaks("allOf asks for more", "leave the new schema out of allOf");
    PRODUCT_TYPE_NARROWED: fine("allOf asks for less");
    SUM_TYPE_EXTENDED: fine("more alternatives are accepted");
    SUM_TYPE_NARROWED: breaks("fewer alternatives are accepted", "keep the writer's alternatives");
    NOT_TYPE_EXTENDED: breaks("more is excluded by not", "exclude no more than the writer does");
    NOT_TYPE_NARROWED: fine("less is excluded by not");
    SCHEMA_TOO_COMPLEX: breaks(
        "the schemas are too large to be compared",
        "split the schema, or nest fewer anyOf and oneOf in each other"
    );
}
