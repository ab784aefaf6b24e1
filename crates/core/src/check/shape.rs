//! What a value may be: a small declarative language, and its interpreter.

use super::nearest::nearest;
use super::place::{Place, Report, quote};
use crate::role::Role;
use crate::yaml::{Entry, Node, Resolved, Value, resolve_plain};

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Any scalar: the string as it was written.
    Text,
    /// The name of a role.
    Role,
    /// A plain decimal integer.
    Integer,
    /// A plain decimal number, with or without a point.
    Number,
    /// A plain `true` or `false`.
    Bool,
    /// A mapping with keys of any name, and strings as values; these keys must be there and not empty.
    Texts(&'static [&'static str]),
    /// A mapping with anything in it.
    Mapping,
    /// Anything.
    Any,
    /// A list whose items have one shape; with [`Need::Filled`] no item may be empty.
    List(Need, &'static Shape),
    /// A mapping with these fields, and others that aren't known.
    Record(&'static [Field]),
    /// A record of which exactly one of these fields is filled, which the check of lists reports.
    Choice(&'static [Field], &'static [&'static str]),
}

/// Whether a value must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It may be absent or empty.
    Optional,
    /// Its key must be there, though it may be empty.
    Present,
    /// It must be there and not empty.
    Filled,
}

/// A known field of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Another name that counts where this one is absent.
    alias: Option<&'static str>,
    /// What it is for, as editors show it; empty where the name says it.
    about: &'static str,
    pub(crate) need: Need,
    pub(crate) shape: Shape,
}

/// Makes a field that may be absent.
pub(crate) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, alias: None, about: "", need: Need::Optional, shape }
}

/// Makes a field whose key must be there.
pub(crate) const fn present(name: &'static str, shape: Shape) -> Field {
    Field { name, alias: None, about: "", need: Need::Present, shape }
}

/// Makes a field that must be there and not empty.
pub(crate) const fn filled(name: &'static str, shape: Shape) -> Field {
    Field { name, alias: None, about: "", need: Need::Filled, shape }
}

impl Field {
    /// Lets the field have another name too.
    pub(crate) const fn or(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    /// Says what the field is for.
    pub(crate) const fn is(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    /// Returns what the field is for; empty where the name says it.
    pub(crate) const fn about(&self) -> &'static str {
        self.about
    }

    /// Returns the other name.
    pub(crate) const fn alias(&self) -> Option<&'static str> {
        self.alias
    }

    fn find<'n>(&self, node: &'n Node) -> Option<&'n Entry> {
        node.entry(self.name).or_else(|| node.entry(self.alias?))
    }

    fn is_named(&self, key: &str) -> bool {
        self.name == key || self.alias == Some(key)
    }
}

impl Shape {
    /// Names the shape in a message.
    const fn describe(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Role => "the name of a role",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Texts(_) => "a mapping of strings",
            Self::Any => "a value",
            Self::Mapping | Self::Record(_) | Self::Choice(..) => "a mapping",
            Self::List(_, Self::Text) => "a list of strings",
            Self::List(..) => "a list",
        }
    }
}

/// Checks a value that is there against its shape.
pub(crate) fn check(report: &mut Report<'_>, node: &Node, shape: Shape, place: &Place<'_>) {
    match (shape, &node.value) {
        (Shape::Any, _) | (Shape::Text, Value::Scalar(_)) | (Shape::Mapping, Value::Mapping(_)) => {}
        (Shape::Role, Value::Scalar(role)) => check_role(report, node, &role.text, place),
        (Shape::Integer, Value::Scalar(scalar)) if matches!(scalar.resolve(), Resolved::Int(_)) => {}
        (Shape::Number, Value::Scalar(scalar))
            if matches!(scalar.resolve(), Resolved::Int(_) | Resolved::Float(_)) => {}
        (Shape::Bool, Value::Scalar(scalar)) if matches!(scalar.resolve(), Resolved::Bool(_)) => {}
        (Shape::Texts(required), Value::Mapping(entries)) => {
            for entry in entries.iter().filter(|entry| !required.contains(&entry.key.text.as_str())) {
                check(report, &entry.value, Shape::Text, &place.key(&entry.key.text));
            }
            for name in required {
                check_field(report, node, (&[], &filled(name, Shape::Text)), place);
            }
        }
        (Shape::List(need, item_shape), Value::Sequence(items)) => {
            for (index, item) in items.iter().enumerate() {
                if report.is_full() {
                    break;
                }
                check_item(report, item, (need, *item_shape), &place.index(index));
            }
        }
        (Shape::Record(fields) | Shape::Choice(fields, _), Value::Mapping(_)) => {
            check_record(report, node, fields, place);
        }
        _ => report_wrong_type(report, node, shape, place),
    }
}

fn check_item(report: &mut Report<'_>, item: &Node, (need, shape): (Need, Shape), place: &Place<'_>) {
    if !is_empty(item) {
        check(report, item, shape, place);
    } else if need == Need::Filled {
        let message = format!("{} is empty", place.name());
        let hint = format!("write {}, or remove the item", shape.describe());
        report.error((item.span.start, place), "empty_value", message, hint);
    }
}

/// Checks the known fields of a mapping.
pub(crate) fn check_record(report: &mut Report<'_>, node: &Node, fields: &[Field], place: &Place<'_>) {
    for field in fields {
        check_field(report, node, (fields, field), place);
    }
}

/// Checks one field of a mapping; `fields` are all that are known of it.
fn check_field(report: &mut Report<'_>, node: &Node, (fields, field): (&[Field], &Field), place: &Place<'_>) {
    let entry = field.find(node);
    let here = place.key(entry.map_or(field.name, |entry| &entry.key.text));
    match entry {
        Some(entry) if is_empty(&entry.value) => {
            if field.need == Need::Filled {
                let message = format!("{} is empty", here.name());
                let hint = format!("give it {}", field.shape.describe());
                report.error((entry.key_span.start, &here), "empty_value", message, hint);
            }
        }
        Some(entry) => check(report, &entry.value, field.shape, &here),
        None if field.need == Need::Optional => {}
        None => report_missing(report, node, (fields, field), place),
    }
}

/// Tells whether a value is null or the empty string.
fn is_empty(node: &Node) -> bool {
    node.is_null() || node.as_str() == Some("")
}

fn report_missing(
    report: &mut Report<'_>,
    node: &Node,
    (fields, field): (&[Field], &Field),
    place: &Place<'_>,
) {
    let message = format!("{} has no `{}`", place.name(), field.name);
    let is_known = |key: &str| fields.iter().any(|known| known.is_named(key));
    let unknown = node.entries().iter().map(|entry| entry.key.text.as_str()).filter(|key| !is_known(key));
    let hint = match unknown.take(100).find(|key| nearest(key, [field.name]).is_some()) {
        Some(key) => format!("rename `{key}` to `{}`", field.name),
        None => format!("add `{}` with {}", field.name, field.shape.describe()),
    };
    report.error((node.span.start, place), "missing_field", message, hint);
}

fn check_role(report: &mut Report<'_>, node: &Node, role: &str, place: &Place<'_>) {
    if Role::parse(role).is_ok() {
        return;
    }
    let names = Role::ALL.map(Role::as_str);
    let message = format!("{} names an unknown role {}", place.name(), quote(role));
    let hint = match nearest(role, names) {
        Some(known) => format!("did you mean `{known}`? The roles are {}", names.join(", ")),
        None => format!("use one of {}", names.join(", ")),
    };
    report.error((node.span.start, place), "unknown_role", message, hint);
}

fn report_wrong_type(report: &mut Report<'_>, node: &Node, shape: Shape, place: &Place<'_>) {
    let shown = match &node.value {
        Value::Scalar(scalar) => format!(" {}", quote(&scalar.text)),
        _ => String::new(),
    };
    let message = format!("{} must be {}, not {}{shown}", place.name(), shape.describe(), node.describe());
    report.error((node.span.start, place), "wrong_type", message, cure(node, shape));
}

fn cure(node: &Node, shape: Shape) -> String {
    let unquoted = node.as_str().map_or(Resolved::Null, resolve_plain);
    let needs = |field: &&Field| field.need != Need::Optional;
    match (shape, unquoted) {
        (Shape::Integer, Resolved::Int(_))
        | (Shape::Number, Resolved::Int(_) | Resolved::Float(_))
        | (Shape::Bool, Resolved::Bool(_)) => "write it without quotes".to_owned(),
        (Shape::Integer, _) => "write decimal digits only".to_owned(),
        (Shape::Number, _) => "write decimal digits, with a point if need be, as in 99 or 0.5".to_owned(),
        (Shape::Bool, _) => "write true or false".to_owned(),
        (Shape::Text | Shape::Role | Shape::Any, _) => {
            "write one value, in quotes if it begins with one of [ ] { } or holds `: `".to_owned()
        }
        (Shape::List(_, Shape::Record(fields) | Shape::Choice(fields, _)), _) => {
            let names: Vec<_> = fields.iter().filter(needs).map(|field| field.name).collect();
            format!("write a list, each item beginning with `- ` and having {}", names.join(", "))
        }
        (Shape::List(..), _) => "write a list, each item on its own line beginning with `- `".to_owned(),
        (Shape::Texts(_) | Shape::Mapping | Shape::Record(_) | Shape::Choice(..), _) => {
            "write `key: value` lines below it, indented".to_owned()
        }
    }
}
