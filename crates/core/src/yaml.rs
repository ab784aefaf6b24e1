//! YAML with positions: one parser for checking, reading and editing.
//!
//! One parser everywhere means that nothing can be read differently by two of them.

pub mod edit;
mod format;
mod node;
mod offsets;
mod parse;
mod scalar;
pub mod write;

pub use edit::{EditError, Editor};
pub use format::{FormatError, format};
pub use node::{Entry, Mark, Node, Scalar, Span, Style, Value};
pub(crate) use parse::escape_pointer;
pub use parse::{MAX_ALIAS_BYTES, MAX_DEPTH, SyntaxError, parse};
pub use scalar::{Resolved, resolve_plain};
