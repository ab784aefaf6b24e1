//! What a channel is told of an upload.

use serde_json::Value;

use crate::context::safe_line;
use crate::store::slack_messages::SlackMessage;

/// Most characters of an error; Slack would cut a message at 40,000 (chat.postMessage, "Truncating content").
const MAX_DETAIL_CHARS: usize = 1000;
/// Most characters of an address.
const MAX_WHO_CHARS: usize = 254;
/// Characters of a commit's id that people know it by.
const SHORT_COMMIT: usize = 10;

/// Writes one outcome; `link` leads to the upload's record.
pub(super) fn text(workspace: &str, message: &SlackMessage, link: &str) -> String {
    let SlackMessage { state, email, commit, .. } = message;
    let who = escape(&safe_line(email, MAX_WHO_CHARS));
    let error = parsed(message.error_brief_json.as_deref());
    let (sign, outcome) = if state == "succeeded" {
        let counts = parsed(message.counts_json.as_deref());
        let commit: String = commit.iter().flat_map(|commit| commit.chars()).take(SHORT_COMMIT).collect();
        (":white_check_mark:", format!("succeeded: {}; commit `{}`", counted(&counts), escape(&commit)))
    } else {
        let word = if error["code"] == "prune_guard" { "was refused" } else { "failed" };
        let detail = error["detail"].as_str().unwrap_or("the reason was not recorded");
        (":x:", format!("{word}: {}", escape(&safe_line(detail, MAX_DETAIL_CHARS))))
    };
    format!("{sign} <{}|Upload> to *{}* by {who} {outcome}", escape(link), escape(workspace))
}

fn counted(counts: &Value) -> String {
    let count = |name: &str| counts[name].as_u64().unwrap_or(0);
    let (added, changed, pruned) = (count("added"), count("changed"), count("pruned"));
    if added + changed + pruned == 0 {
        return "no SLX is new or changed".to_owned();
    }
    format!("{added} SLX{} added, {changed} changed, {pruned} pruned", if added == 1 { "" } else { "s" })
}

fn parsed(json: Option<&str>) -> Value {
    // What the database holds was written by us; were it damaged, the rest is still worth telling.
    json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Escapes the three characters by which Slack's markup begins links and mentions
/// (<https://docs.slack.dev/messaging/formatting-message-text>, "Escaping text").
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn message(state: &str, counts: Option<&str>, error: Option<&str>) -> String {
        let message = SlackMessage {
            upload_id: "u".to_owned(),
            finished_at: Timestamp::UNIX_EPOCH,
            workspace_id: "w".to_owned(),
            integration_id: "i".to_owned(),
            state: state.to_owned(),
            email: "ann@example.com".to_owned(),
            commit: Some("0123456789abcdef".to_owned()),
            counts_json: counts.map(str::to_owned),
            error_brief_json: error.map(str::to_owned),
            attempts: 1,
        };
        text("abc", &message, "https://ws.example/u?a=1&b=2")
    }

    #[test]
    fn outcomes_are_told() {
        let done = |counts: &str| message("succeeded", Some(counts), None);
        insta::assert_snapshot!(done(r#"{"added": 1, "changed": 2, "pruned": 0}"#), @":white_check_mark: <https://ws.example/u?a=1&amp;b=2|Upload> to *abc* by ann@example.com succeeded: 1 SLX added, 2 changed, 0 pruned; commit `0123456789`");
        insta::assert_snapshot!(done("{}"), @":white_check_mark: <https://ws.example/u?a=1&amp;b=2|Upload> to *abc* by ann@example.com succeeded: no SLX is new or changed; commit `0123456789`");
        let guard = r#"{"code": "prune_guard", "detail": "too many"}"#;
        insta::assert_snapshot!(message("open", None, Some(guard)), @":x: <https://ws.example/u?a=1&amp;b=2|Upload> to *abc* by ann@example.com was refused: too many");
        insta::assert_snapshot!(message("failed", None, None), @":x: <https://ws.example/u?a=1&amp;b=2|Upload> to *abc* by ann@example.com failed: the reason was not recorded");
    }

    #[test]
    fn what_callers_wrote_calls_nobody() {
        let error = r#"{"code": "x", "detail": "file <!channel> & <https://evil|x>\n\u0007 end"}"#;
        let text = message("failed", None, Some(error));
        insta::assert_snapshot!(text, @":x: <https://ws.example/u?a=1&amp;b=2|Upload> to *abc* by ann@example.com failed: file &lt;!channel&gt; &amp; &lt;https://evil|x&gt; end");
        let long = message("failed", None, Some(&format!(r#"{{"detail": "{}"}}"#, "<".repeat(5000))));
        assert!(long.chars().count() < 4500);
    }
}
