//! The reference as one page without scripts, fonts or anything else from elsewhere.

use maud::{DOCTYPE, Markup, html};

use super::model::{Answer, Form, Operation, Reference, Shape};

const STYLE: &str = include_str!("page.css");

/// Writes the whole page.
pub(crate) fn page(description: &utoipa::openapi::OpenApi) -> String {
    let reference = Reference::of(description);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Workstead API" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                nav { (contents(&reference)) }
                main {
                    h1 { "Workstead API " small { (reference.version) } }
                    p { "The same as " a href="openapi.json" { "OpenAPI 3.1" } ". Send "
                        code { "Authorization: Bearer <token>" } "; errors are JSON with "
                        code { "detail" } ", " code { "code" } ", " code { "status" } " and "
                        code { "requestId" } "." }
                    @for (area, operations) in &reference.areas {
                        h2 id=(anchor(area)) { (area) }
                        @for one in operations { (operation(one)) }
                    }
                    h2 id="shapes" { "Shapes" }
                    @for one in &reference.shapes { (shape(one)) }
                }
            }
        }
    };
    page.into_string()
}

fn contents(reference: &Reference) -> Markup {
    html! {
        @for (area, operations) in &reference.areas {
            a.area href={ "#" (anchor(area)) } { (area) }
            @for one in operations {
                a href={ "#" (operation_anchor(one)) } {
                    b class=(one.method) { (one.method) } " " (one.summary.trim_end_matches('.'))
                }
            }
        }
        a.area href="#shapes" { "Shapes" }
    }
}

fn operation(operation: &Operation) -> Markup {
    html! {
        section id=(operation_anchor(operation)) {
            h3 { b class=(operation.method) { (operation.method) } " " code { (operation.path) } }
            p { (prose(&operation.summary)) }
            @for paragraph in operation.description.split("\n\n") { p { (prose(paragraph)) } }
            @if !operation.parameters.is_empty() {
                table {
                    tr { th { "Parameter" } th { "In" } th { "Type" } th { "Meaning" } }
                    @for parameter in &operation.parameters {
                        tr {
                            td { code { (parameter.name) } @if parameter.required { " *" } }
                            td { (parameter.place) }
                            td { (form(&parameter.form)) }
                            td { (prose(&parameter.description)) }
                        }
                    }
                }
            }
            @if let Some(body) = &operation.body { p { "Body: " (form(body)) } }
            ul { @for one in &operation.answers { (answer(one)) } }
            details { summary { "Refusals" } ul { @for one in &operation.refusals { (answer(one)) } } }
        }
    }
}

fn answer(answer: &Answer) -> Markup {
    html! {
        li { b { (answer.status) } " "
            @if let Some(one) = &answer.form { (form(one)) " " }
            (prose(&answer.description)) }
    }
}

fn shape(shape: &Shape) -> Markup {
    html! {
        section id=(anchor(&shape.name)) {
            h3 { (shape.name) }
            p { (prose(&shape.description)) }
            @if !shape.fields.is_empty() {
                table {
                    tr { th { "Field" } th { "Type" } th { "Meaning" } }
                    @for field in &shape.fields {
                        tr {
                            td { code { (field.name) } @if field.required { " *" } }
                            td { (form(&field.form)) }
                            td { (prose(&field.description)) }
                        }
                    }
                }
            }
        }
    }
}

fn form(form: &Form) -> Markup {
    html! {
        (form.before)
        @match &form.shape {
            Some(name) => a href={ "#" (anchor(name)) } { (form.word) },
            None => (form.word),
        }
    }
}

/// Writes text whose pieces between backquotes are code.
fn prose(text: &str) -> Markup {
    html! {
        @for (index, piece) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn operation_anchor(operation: &Operation) -> String {
    anchor(&format!("{} {}", operation.method, operation.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stands_alone_and_lists_every_route() {
        let table = crate::router::table();
        let page = page(&table.describe("https://ws.example"));
        for route in &table.routes {
            assert!(page.contains(&format!("<code>{}</code>", route.path)), "{}", route.path);
        }
        for foreign in ["<script", "http://", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn every_link_of_the_page_leads_somewhere() {
        let page = page(&crate::router::table().describe(""));
        let links = page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
        let dead: Vec<_> = links.filter(|anchor| !page.contains(&format!("id=\"{anchor}\""))).collect();
        assert!(dead.is_empty(), "{dead:?}");
    }
}
