//! The page that a person sees who comes back from Slack: it stands alone and loads nothing.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::oauth::Installed;
use crate::error::ApiError;

/// Nothing is loaded or run, nobody frames it, and the address, which has a code, is told to nobody.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
        ),
    ),
];

/// Shows what an installation came to; a failure of the server itself is answered like any other.
pub(crate) fn answer(result: Result<Installed, ApiError>) -> Result<Response, ApiError> {
    let (status, page) = match result {
        Ok(Installed { workspace, team, channel }) => {
            let text = format!(
                "Workspace {workspace} now tells channel {channel} of {team} what comes of its uploads. You can close this page."
            );
            (StatusCode::OK, page("Connected with Slack", &text))
        }
        Err(error) if error.status() == StatusCode::INTERNAL_SERVER_ERROR => return Err(error),
        Err(error) => {
            tracing::info!(code = error.code(), "an installation of the Slack app failed");
            (error.status(), page("Not connected with Slack", error.detail()))
        }
    };
    let mut response = (status, page).into_response();
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

fn page(title: &str, text: &str) -> String {
    let (title, text) = (escape(title), escape(text));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\n<body><h1>{title}</h1><p>{text}</p></body>\n</html>\n"
    )
}

/// Makes a text mean itself between tags.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_slack_says_is_text() {
        let page = page("t", "<script>alert('x')</script> & \"y\"");
        assert!(
            page.contains("<p>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;</p>"),
            "{page}"
        );
    }

    #[test]
    fn a_failure_of_the_server_is_no_page() {
        assert!(answer(Err(ApiError::internal("x"))).is_err());
        let response = answer(Err(ApiError::bad_request("x", "y"))).unwrap();
        assert_eq!(response.status(), 400);
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}
