//! Whether content is what a workspace repository may hold: every problem, with its place and cure.
//!
//! A string is taken as it was written: where one is expected, any scalar is the string, never typed
//! and never refused. Fields that aren't known are accepted and kept.

mod across;
mod builder_file;
mod collisions;
#[cfg(test)]
pub(crate) mod corpus;
mod document;
mod entries;
mod file;
#[cfg(test)]
mod fixtures;
mod json_schema;
mod lists;
mod names;
mod nearest;
mod place;
mod rules;
mod schema;
mod shape;
mod tree;

pub use across::check_across;
pub use collisions::path_collisions;
pub use entries::{file_too_large, irregular_entry, push_too_large};
pub use file::{check_blob, check_file};
pub use json_schema::SchemaKind;
pub use nearest::nearest;
pub use rules::{Rule, rules_table};
pub use tree::check_tree;
