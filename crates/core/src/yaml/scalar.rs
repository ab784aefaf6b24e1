//! What a plain scalar means, and whether it would mean something else elsewhere.

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A decimal integer that fits.
    Int(i64),
    /// A decimal number with a point.
    Float(f64),
    /// Text.
    String,
}

impl Resolved {
    /// Returns the value as JSON; `text` is the scalar's own.
    pub fn to_json(self, text: &str) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => value.into(),
            Self::Int(value) => value.into(),
            Self::Float(value) => value.into(),
            Self::String => text.into(),
        }
    }
}

/// Types a plain scalar where YAML 1.1 (as PyYAML reads it) and YAML 1.2 agree; else it is text.
///
/// So `yes`, `017`, `0o17`, `8123e45`, `1_000` and `12:30` are text, as their writers meant.
pub fn resolve_plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return Resolved::String;
    }
    let no_octal = digits == "0" || !digits.starts_with('0') || digits.starts_with("0.");
    if no_octal && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or(Resolved::String, Resolved::Int);
    }
    let mut parts = digits.splitn(2, '.');
    let is_number =
        |part: Option<&str>| part.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if no_octal && is_number(parts.next()) && is_number(parts.next()) {
        return text.parse().map_or(Resolved::String, Resolved::Float);
    }
    Resolved::String
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_get_a_type_only_where_both_yaml_versions_agree() {
        assert_eq!(resolve_plain("12"), Resolved::Int(12));
        assert_eq!(resolve_plain("-1.5"), Resolved::Float(-1.5));
        assert_eq!(resolve_plain("0"), Resolved::Int(0));
        for text in [
            "8123e45",
            "12e3",
            "0o17",
            "017",
            "0x1f",
            "1_000",
            "12:30",
            "yes",
            "on",
            "1.2.3",
            ".5",
            "2020-01-01",
            "-",
        ] {
            assert_eq!(resolve_plain(text), Resolved::String, "{text}");
        }
    }
}
