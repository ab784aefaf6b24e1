//! What an upload's answer says, for people.

use std::fmt::Write as _;

use serde_json::Value;
use workstead_core::name::WorkspaceName;

/// Most names that are listed of each kind.
const LISTED: usize = 10;

/// The lists of names in the summary, and what happened to them.
const LISTS: [(&str, &str); 9] = [
    ("added", "added"),
    ("changed", "changed"),
    ("kept", "kept as it was here"),
    ("renamed", "kept its name here"),
    ("tombstoned", "stays deleted"),
    ("pruned", "pruned"),
    ("prunedKept", "stale, but kept"),
    ("conflicts", "left out"),
    ("warnings", "warning"),
];

/// Writes what came of the upload, the commit first, then what happened to which SLX.
pub(crate) fn describe(workspace: &WorkspaceName, answer: &Value) -> String {
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default();
    let commit: String = text("commit").chars().take(10).collect();
    let message = if text("message").is_empty() { text("status") } else { text("message") };
    let mut out = format!("{workspace}: {message}");
    if !commit.is_empty() && !message.contains(&commit) {
        let _ = write!(out, " (main is at {commit})");
    }
    let summary = answer.get("summary").unwrap_or(&Value::Null);
    for (key, meaning) in LISTS {
        let items = summary.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for item in items.iter().take(LISTED) {
            let _ = write!(out, "\n  {meaning}: {}", describe_item(item));
        }
        if items.len() > LISTED {
            let _ = write!(out, "\n  {meaning}: {} more", items.len() - LISTED);
        }
    }
    if let Some(same) = summary.pointer("/counts/unchanged").and_then(Value::as_u64).filter(|same| *same > 0)
    {
        let _ = write!(out, "\n  unchanged: {same}");
    }
    crate::output::printable(&out)
}

fn describe_item(item: &Value) -> String {
    match item {
        Value::String(name) => name.clone(),
        Value::Object(fields) => {
            let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
            match (text("name"), text("uploadedName"), text("reason"), text("code")) {
                (name, "", "", "") => name.to_owned(),
                (name, "", reason, "") => format!("{name} ({reason})"),
                (name, "", "", code) => format!("{name} ({code})"),
                (name, uploaded, ..) => format!("{name} (uploaded as {uploaded})"),
            }
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_commit_comes_first_then_what_happened() {
        let answer = json!({
            "status": "queued", "message": "1 SLX added", "commit": "0123456789abcdef0123456789abcdef01234567",
            "summary": {"added": ["web-health"], "kept": ["cart"], "counts": {"unchanged": 2},
                        "renamed": [{"name": "till", "uploadedName": "checkout"}],
                        "prunedKept": [{"name": "old", "reason": "edited"}],
                        "conflicts": [{"name": "db", "code": "name_taken"}]},
        });
        let demo = WorkspaceName::parse("demo").unwrap();
        insta::assert_snapshot!(describe(&demo, &answer), @r"
        demo: 1 SLX added (main is at 0123456789)
          added: web-health
          kept as it was here: cart
          kept its name here: till (uploaded as checkout)
          stale, but kept: old (edited)
          left out: db (name_taken)
          unchanged: 2
        ");
        insta::assert_snapshot!(describe(&demo, &json!({"status": "duplicate_skipped"})), @r"
        demo: duplicate_skipped
        ");
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        let names: Vec<String> = (0..14).map(|n| format!("slx-{n}")).collect();
        let demo = WorkspaceName::parse("demo").unwrap();
        let text = describe(&demo, &json!({"summary": {"pruned": names}}));
        assert_eq!(text.lines().count(), 12, "{text}");
        assert!(text.ends_with("pruned: 4 more"), "{text}");
    }
}
