//! One form for every path, so that each route has one spelling.

use std::borrow::Cow;

use axum::http::{Request, Uri};

/// Rewrites a request's path: doubled slashes become one, a trailing slash goes.
///
/// It runs outside the router, which matches what it leaves. Nothing is decoded: `%2F` stays what it is.
pub(crate) fn plain_paths<B>(mut request: Request<B>) -> Request<B> {
    if let Cow::Owned(path) = plain(request.uri().path()) {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut parts = request.uri().clone().into_parts();
        // Fewer slashes than in a valid path leave a valid path; were they not, the router answers 404.
        if let Ok(path_and_query) = format!("{path}{query}").parse() {
            parts.path_and_query = Some(path_and_query);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}

fn plain(path: &str) -> Cow<'_, str> {
    let trailing = path.len() > 1 && path.ends_with('/');
    if !trailing && !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut plain = String::with_capacity(path.len());
    for component in path.split('/').filter(|component| !component.is_empty()) {
        plain.push('/');
        plain.push_str(component);
    }
    if plain.is_empty() {
        plain.push('/');
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(uri: &str) -> String {
        let request = Request::builder().uri(uri).body(()).unwrap();
        plain_paths(request).uri().to_string()
    }

    #[test]
    fn slashes_are_plain() {
        for (uri, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b"),
            ("//api///v3//x//?q=//&r=/", "/api/v3/x?q=//&r=/"),
            ("/a%2F/b%20c/", "/a%2F/b%20c"),
            ("http://host//a/", "http://host/a"),
        ] {
            assert_eq!(rewritten(uri), expected, "{uri}");
        }
    }
}
