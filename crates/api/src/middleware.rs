//! What happens around every request, outermost first.

mod drain;
mod envelope;
mod path;

pub(crate) use self::envelope::envelope;
pub(crate) use self::path::plain_paths;
