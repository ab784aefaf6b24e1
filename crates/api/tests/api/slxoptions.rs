//! `/workspaces/{workspace}/slxoptions`.

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};
use workstead_core::path::RepoPath;

use crate::app::{ADMIN, BASE, Files, TestApp, sample};

fn slx(name: &str, alias: &str) -> (RepoPath, Bytes) {
    let text = format!(
        "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: abc--{name}\n  labels:\n    workspace: abc\n    slx: abc--{name}\nspec:\n  alias: {alias}\n  statement: Works.\n"
    );
    (RepoPath::parse(&format!("slxs/{name}/slx.yaml")).unwrap(), Bytes::from(text))
}

#[tokio::test]
async fn slxs_are_choices_sorted_by_label() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let path = format!("{BASE}/abc/slxoptions");
    assert_eq!(app.get(&path).await.expect(200), json!([]));
    let mut files: Files = [slx("one", "zebra"), slx("two", "Apple"), slx("three", "mango")].into();
    files.extend(sample("abc", 0));
    app.upload(ADMIN, "abc", &files, Value::Null).await.expect(200);
    let all = app.get(&path).await;
    let tag = all.header("etag").to_owned();
    insta::assert_snapshot!(all.expect(200), @r#"[{"value":"two","label":"Apple"},{"value":"three","label":"mango"},{"value":"one","label":"zebra"}]"#);
    insta::assert_snapshot!(app.get(&format!("{path}?search=APP")).await.expect(200), @r#"[{"value":"two","label":"Apple"}]"#);
    insta::assert_snapshot!(app.get(&format!("{path}?search=e&limit=2")).await.expect(200), @r#"[{"value":"two","label":"Apple"},{"value":"three","label":"mango"}]"#);
    let bearer = format!("Bearer {ADMIN}");
    let again =
        app.with(Method::GET, &path, &[("authorization", &bearer), ("if-none-match", &tag)], "").await;
    assert_eq!(again.status, 304);
}
