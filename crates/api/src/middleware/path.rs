//! One form for every path, so that each route has one spelling.

use std::borrow::Cow;

use axum::http::{Method, Request, Uri};

/// Rewrites a request's path: doubled slashes become one, a trailing slash goes, and slashes in the name of a branch, a
/// revision or a file become `%2F`.
///
/// It runs outside the router, which matches what it leaves. Nothing is decoded: `%2F` stays what it is.
pub(crate) fn plain_paths<B>(mut request: Request<B>) -> Request<B> {
    let path = plain(request.uri().path());
    let path = match branch_in_one(request.method(), &path).or_else(|| rest_in_one(&path)) {
        Some(path) => Cow::Owned(path),
        None => path,
    };
    if let Cow::Owned(path) = path {
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

/// Returns the path with the name of the branch as one component, if it has several.
///
/// `/api/v3/workspaces/{workspace}/branches/{branch}/slxs/{slx}`, by PATCH with the name of a file behind it: what
/// comes after the branch is counted from the end, so that the branch may be called anything.
fn branch_in_one(method: &Method, path: &str) -> Option<String> {
    let rest = path.strip_prefix("/api/v3/workspaces/")?;
    let (workspace, rest) = rest.split_once("/branches/")?;
    let components: Vec<&str> = rest.split('/').collect();
    let behind = if method == Method::PATCH { 3 } else { 2 };
    let branch = components.len().checked_sub(behind)?;
    if workspace.contains('/') || branch < 2 || components[branch] != "slxs" {
        return None;
    }
    let (branch, tail) = (components[..branch].join("%2F"), components[branch..].join("/"));
    Some(format!("/api/v3/workspaces/{workspace}/branches/{branch}/{tail}"))
}

/// Returns the path with all that names a file, a revision or a branch as one component, if it has several.
///
/// `/api/v3/workspaces/{workspace}/` with `files/{path}`, `commits/{commit}` or `branches/{branch}`, and nothing behind it.
fn rest_in_one(path: &str) -> Option<String> {
    let (workspace, rest) = path.strip_prefix("/api/v3/workspaces/")?.split_once('/')?;
    let (what, name) = rest.split_once('/')?;
    let is_last = matches!(what, "files" | "commits" | "branches");
    // The files of SLXs on a branch have routes of their own.
    if !is_last || !name.contains('/') || (what == "branches" && name.contains("/slxs/")) {
        return None;
    }
    Some(format!("/api/v3/workspaces/{workspace}/{what}/{}", name.replace('/', "%2F")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(uri: &str) -> String {
        rewritten_by(Method::GET, uri)
    }

    fn rewritten_by(method: Method, uri: &str) -> String {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        plain_paths(request).uri().to_string()
    }

    #[test]
    fn a_branch_is_one_component() {
        let base = "/api/v3/workspaces/w/branches";
        for (path, expected) in [
            ("main/slxs/web", "main/slxs/web"),
            ("feature/x/slxs/web", "feature%2Fx/slxs/web"),
            ("feature%2Fx/slxs/web/", "feature%2Fx/slxs/web"),
            ("a/b%20c//d/slxs/web?x=a/b", "a%2Fb%20c%2Fd/slxs/web?x=a/b"),
            ("a/slxs/slxs/slxs", "a%2Fslxs/slxs/slxs"),
            ("a/b", "a%2Fb"),
            ("a/b/slxs/web/runbook.yaml", "a/b/slxs/web/runbook.yaml"),
        ] {
            assert_eq!(rewritten(&format!("{base}/{path}")), format!("{base}/{expected}"), "{path}");
        }
        for (path, expected) in [
            ("main/slxs/web/runbook.yaml", "main/slxs/web/runbook.yaml"),
            ("main/slxs/slxs/runbook.yaml", "main/slxs/slxs/runbook.yaml"),
            ("a/slxs/slxs/slxs/slxs", "a%2Fslxs/slxs/slxs/slxs"),
            ("a/b/slxs/web", "a/b/slxs/web"),
        ] {
            let path = format!("{base}/{path}");
            assert_eq!(rewritten_by(Method::PATCH, &path), format!("{base}/{expected}"), "{path}");
        }
        let other = "/api/v3/workspaces/w/x/branches/a/b/slxs/web";
        assert_eq!(rewritten(other), other);
    }

    #[test]
    fn files_and_revisions_are_one_component() {
        let base = "/api/v3/workspaces/w";
        for (path, expected) in [
            ("files/slxs/web/slx.yaml?ref=a/b", "files/slxs%2Fweb%2Fslx.yaml?ref=a/b"),
            ("files/slxs%2Fweb/slx.yaml/", "files/slxs%2Fweb%2Fslx.yaml"),
            ("files/README.md", "files/README.md"),
            ("commits/feature/x", "commits/feature%2Fx"),
            ("slxs/web/runbook", "slxs/web/runbook"),
        ] {
            assert_eq!(rewritten(&format!("{base}/{path}")), format!("{base}/{expected}"), "{path}");
        }
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
