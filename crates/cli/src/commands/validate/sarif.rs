//! SARIF 2.1.0, which code scanning services read.

use serde_json::{Value, json};
use workstead_core::check::Rule;
use workstead_core::problem::Severity;

use super::report::Report;
use crate::diagnostics::Finding;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const DOCUMENT: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/VALIDATION.md");

/// Returns the log of one run.
pub(super) fn log(report: &Report) -> Value {
    let results: Vec<_> = report.problems.iter().map(|finding| result(report, finding)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "workstead",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": Rule::ALL.iter().map(rule).collect::<Vec<_>>(),
            }},
            "invocations": [{ "executionSuccessful": true }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": { "text": rule.rule },
        "fullDescription": { "text": rule.rule },
        "help": { "text": format!("{} {}", rule.rule, rule.cure), "markdown": format!("{} {}", rule.rule, rule.cure) },
        "helpUri": DOCUMENT,
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(report: &Report, finding: &Finding) -> Value {
    let hint = finding.hint.as_deref().map(|hint| format!("\n{hint}")).unwrap_or_default();
    // A place is asked for; a problem of a whole file stands at its beginning.
    let region = match finding.line {
        0 => json!({ "startLine": 1 }),
        line => json!({ "startLine": line, "startColumn": finding.column }),
    };
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(finding.severity),
        "message": { "text": format!("{}{hint}", finding.message) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": relative_uri(&report.path_of(finding)), "uriBaseId": "%SRCROOT%" },
            "region": region,
        }}],
    });
    if let Some(index) = Rule::ALL.iter().position(|rule| rule.code == finding.code) {
        result["ruleIndex"] = index.into();
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Writes a path as a relative reference (RFC 3986).
fn relative_uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    path.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_references() {
        assert_eq!(relative_uri("slxs/Zürich #1 (a)%/slx.yaml"), "slxs/Z%C3%BCrich%20%231%20(a)%25/slx.yaml");
    }
}
