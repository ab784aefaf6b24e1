//! The reference as Markdown, for `docs/API.md`.

use std::fmt::Write;

use super::model::{Answer, Form, Operation, Reference, Shape};

/// Writes the whole reference.
pub(super) fn write(reference: &Reference) -> String {
    let mut text = String::new();
    for (area, operations) in &reference.areas {
        let _ = writeln!(text, "### {area}\n");
        for one in operations {
            operation(&mut text, one);
        }
    }
    text.push_str("### Shapes\n\n");
    for one in &reference.shapes {
        shape(&mut text, one);
    }
    text
}

// Writing to a string can't fail.
fn operation(text: &mut String, operation: &Operation) {
    let Operation { method, path, summary, description, .. } = operation;
    let _ = writeln!(text, "#### `{method} {path}`\n\n{}\n\n{}\n", escape(summary), escape(description));
    for parameter in operation.parameters.iter().filter(|parameter| parameter.place != "path") {
        let place = if parameter.place == "query" { "" } else { " (header)" };
        let needed = if parameter.required { ", required" } else { "" };
        let form = link(&parameter.form);
        let description = escape(&parameter.description);
        let _ = writeln!(text, "- `{}`{place}: {form}{needed}. {description}", parameter.name);
    }
    if let Some(body) = &operation.body {
        let _ = writeln!(text, "- Body: {}.", link(body));
    }
    for Answer { status, description, form } in &operation.answers {
        let form = form.as_ref().map(|form| format!(" {}.", link(form))).unwrap_or_default();
        let _ = writeln!(text, "- **{status}**{form} {}", escape(description));
    }
    let refusals = operation.refusals.iter().map(|answer| answer.status.as_str()).collect::<Vec<_>>();
    let _ = writeln!(text, "- Refusals: {}.\n", refusals.join(", "));
}

fn shape(text: &mut String, shape: &Shape) {
    let _ = writeln!(text, "#### {}\n\n{}\n", shape.name, escape(&shape.description));
    if shape.fields.is_empty() {
        return;
    }
    text.push_str("| Field | Type | Meaning |\n|---|---|---|\n");
    for field in &shape.fields {
        let optional = if field.required { "" } else { " (optional)" };
        let description = escape(&field.description.replace('\n', " "));
        let _ = writeln!(text, "| `{}`{optional} | {} | {description} |", field.name, link(&field.form));
    }
    text.push('\n');
}

fn link(form: &Form) -> String {
    let Form { before, shape, word } = form;
    match shape {
        Some(name) => format!("{before}[{word}](#{})", name.to_lowercase()),
        None => format!("{before}{word}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}
