//! What looks like a secret in a configuration that others wrote.
//!
//! Providers name their fields as they like, so this goes by the look of names and values, and rather leaves out too
//! much: what is left out by mistake is missed, what is shown by mistake is lost.

use serde_json::{Map, Value};
use url::Url;

/// Parts of a name, without case and separators, that make a field secret.
const SECRET_PARTS: [&str; 13] = [
    "secret",
    "passw",
    "passphrase",
    "credential",
    "authorization",
    "bearer",
    "cookie",
    "apikey",
    "accesskey",
    "privatekey",
    "authtoken",
    "apitoken",
    "signature",
];
/// Ends of such a name.
const SECRET_ENDS: [&str; 5] = ["key", "token", "auth", "pwd", "sas"];
/// Ends of such a name, unless it is a count, like `maxTokens`.
const SECRET_PLURALS: [&str; 2] = ["keys", "tokens"];
/// How keys and tokens of known makers begin.
const SECRET_BEGINNINGS: [&str; 14] = [
    "sk-",
    "sk_",
    "xox",
    "ghp_",
    "gho_",
    "github_pat_",
    "glpat-",
    "wst_",
    "wsr_",
    "hf_",
    "AKIA",
    "AIza",
    "eyJ",
    "-----BEGIN",
];

/// Returns a value without what looks secret.
pub(crate) fn public(value: &Value) -> Value {
    split(value, "", &mut Vec::new())
}

/// Returns the JSON pointers of what looks secret.
pub(crate) fn secret_paths(value: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    split(value, "", &mut paths);
    paths
}

fn split(value: &Value, at: &str, secret: &mut Vec<String>) -> Value {
    match value {
        Value::Object(fields) => Value::Object(split_fields(fields, at, secret)),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            let shown = items.filter_map(|(place, item)| {
                let at = format!("{at}/{place}");
                if item.as_str().is_some_and(is_secret_value) {
                    secret.push(at);
                    return None;
                }
                Some(split(item, &at, secret))
            });
            Value::Array(shown.collect())
        }
        other => other.clone(),
    }
}

fn split_fields(fields: &Map<String, Value>, at: &str, secret: &mut Vec<String>) -> Map<String, Value> {
    // A pair like `{name: Authorization, value: ...}` is a field by another form.
    let names_secret = ["name", "key", "header"].iter().any(|name| {
        fields.get(*name).and_then(Value::as_str).is_some_and(|name| is_secret_name(name, &Value::Null))
    });
    let mut shown = Map::new();
    for (name, value) in fields {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        let hidden = is_secret_name(name, value)
            || (names_secret && name == "value")
            || value.as_str().is_some_and(is_secret_value);
        if hidden {
            secret.push(at);
        } else {
            shown.insert(name.clone(), split(value, &at, secret));
        }
    }
    shown
}

fn is_secret_name(name: &str, value: &Value) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_count = value.is_number() || value.is_boolean();
    SECRET_PARTS.iter().any(|part| plain.contains(part))
        || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
        || (!is_count && SECRET_PLURALS.iter().any(|end| plain.ends_with(end)))
}

fn is_secret_value(text: &str) -> bool {
    let text = text.trim();
    let scheme = text.split_once(' ').map_or("", |(scheme, _)| scheme);
    SECRET_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
        || ["bearer", "basic"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        || Url::parse(text).is_ok_and(|url| carries_secret(&url))
}

/// Tells whether an address has a password, or a parameter that is named like a secret.
fn carries_secret(url: &Url) -> bool {
    url.password().is_some()
        || (!url.cannot_be_a_base() && !url.username().is_empty())
        || url.query_pairs().any(|(name, _)| is_secret_name(&name, &Value::Null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_of_this_server_are_left_out() {
        let config = json!({ "note": "wst_0123", "other": "wsr_4567", "model": "wise" });
        assert_eq!(public(&config), json!({ "model": "wise" }));
    }

    #[test]
    fn what_looks_secret_is_left_out() {
        let config = json!({
            "provider": "openai", "model": "m", "maxTokens": 4096, "max_completion_tokens": 7, "temperature": 0.5,
            "baseUrl": "https://llm.example/v1", "apiVersion": "2026-01-01", "tokenizer": "cl100k",
            "apiKey": "a", "API_KEY": "b", "api-key-header": "c", "clientSecret": "d", "aws": { "secretAccessKey": "e", "region": "eu" },
            "token": 7, "accessTokens": ["f"], "auth": { "user": "g" }, "db/password": "h", "x-functions-key": "i",
            "headers": [{ "name": "Authorization", "value": "j" }, { "name": "X-Team", "value": "k" }],
            "proxy": "https://user:l@proxy.example", "endpoint": "https://llm.example/?api-key=m",
            "note": "sk-n", "list": ["Bearer o", "fine"], "extra": "Basic cDpw",
        });
        let shown = public(&config);
        insta::assert_snapshot!(shown, @r#"{"provider":"openai","model":"m","maxTokens":4096,"max_completion_tokens":7,"temperature":0.5,"baseUrl":"https://llm.example/v1","apiVersion":"2026-01-01","tokenizer":"cl100k","aws":{"region":"eu"},"headers":[{"name":"Authorization"},{"name":"X-Team","value":"k"}],"list":["fine"]}"#);
        insta::assert_snapshot!(secret_paths(&config).join(" "), @"/apiKey /API_KEY /api-key-header /clientSecret /aws/secretAccessKey /token /accessTokens /auth /db~1password /x-functions-key /headers/0/value /proxy /endpoint /note /list/0 /extra");
        assert_eq!(public(&shown), shown);
        assert!(secret_paths(&shown).is_empty());
    }
}
