//! The API for people to read: one model made from the OpenAPI description, written as Markdown and as a page.

mod html;
mod markdown;
mod model;

pub(crate) use self::html::page;
use self::model::Reference;

/// Writes the reference of `docs/API.md`.
pub fn markdown() -> String {
    markdown::write(&Reference::of(&crate::router::table().describe("")))
}
