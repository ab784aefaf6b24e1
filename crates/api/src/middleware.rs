//! What happens around every request, outermost first.

mod cors;
mod drain;
mod envelope;
mod path;

pub(crate) use self::cors::{allow_uploads, upload_cors};
pub(crate) use self::envelope::envelope;
pub(crate) use self::path::plain_paths;
