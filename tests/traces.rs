//! Traces: what a collector is sent of an upload, of `git`, and of a client's own trace.

use serde_json::json;
use ureq::http::Method;

use crate::support::{Collector, ServerOptions, TestServer, attribute, send, workspace_files};

const WORKSPACE: &str = "shop";

fn server(collector: &Collector, settings: &[(&'static str, &str)]) -> TestServer {
    let mut environment = vec![
        ("WORKSTEAD_OTLP_ENDPOINT", collector.url.clone()),
        // A quiet log has no fewer traces.
        ("WORKSTEAD_LOG", "warn".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ];
    environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() })
}

#[test]
fn an_upload_is_one_trace_down_to_the_store() {
    let collector = Collector::start();
    let server = server(&collector, &[]);
    server.create(WORKSPACE);
    let directory = server.scratch("source");
    server.git(&directory).write_all(&workspace_files(WORKSPACE, &["cart"]));
    let directory = directory.display().to_string();
    let arguments = ["upload", &directory, "--workspace", WORKSPACE, "--via", "presigned"];
    assert!(server.command(&arguments).status.success(), "{}", server.log());

    let request = collector.wait_for("POST /api/v3/workspaces/{workspace}/uploads/{upload}/complete");
    assert_eq!(attribute(&request.attributes, "http.response.status_code"), "200");
    assert_eq!(attribute(&request.attributes, "http.request.method"), "POST");
    let upload = collector.wait_for("upload");
    assert_eq!(upload.parent_span_id, request.span_id);
    assert_eq!(attribute(&upload.attributes, "via"), "presigned");
    let listed = server.get(&format!("/api/v3/workspaces/{WORKSPACE}/uploads")).expect(200).json;
    assert_eq!(attribute(&upload.attributes, "upload"), listed["results"][0]["id"].as_str().unwrap());
    // Deleted after the answer.
    collector.wait_until("delete", |span| attribute(&span.attributes, "operation") == "delete");
    let calls: Vec<_> = collector
        .spans()
        .into_iter()
        .filter(|span| span.name == "object_store" && span.trace_id == request.trace_id)
        .collect();
    let operations: Vec<_> = calls.iter().map(|span| attribute(&span.attributes, "operation")).collect();
    assert!(
        ["seal", "open", "delete"].iter().all(|name| operations.iter().any(|o| o == name)),
        "{operations:?}"
    );
    let seal = calls.iter().find(|span| attribute(&span.attributes, "operation") == "seal").unwrap();
    assert_eq!(seal.parent_span_id, upload.span_id);
    assert_eq!(attribute(&collector.resource(), "service.name"), "workstead");
    // Neither who asks, nor for what, nor by which token or signature.
    for text in [WORKSPACE, server.token.as_str(), "Bearer", "signature", "admin@"] {
        assert!(!collector.holds(text), "{text}");
    }
    assert!(!collector.tells("?"), "a query stands in a trace");
    assert!(collector.tells("POST /api/v3/workspaces/{workspace}/uploads"));
}

#[test]
fn a_clients_trace_is_joined_and_git_is_a_part_of_it() {
    let collector = Collector::start();
    let server =
        server(&collector, &[("OTEL_SERVICE_NAME", "workstead-of-tests"), ("WORKSTEAD_TRACE_RATIO", "0")]);
    server.create(WORKSPACE);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let bearer = format!("Bearer {}", server.token);
    let headers = [("traceparent", parent.as_str()), ("authorization", bearer.as_str())];
    let url = format!("{}/info/refs?service=git-upload-pack", server.git_url(WORKSPACE));
    assert_eq!(send(Method::GET, &url, &headers, None).status, 200);
    let request = collector.wait_for("GET /git/{repository}/info/refs");
    let id = |bytes: &[u8]| hex::encode(bytes);
    assert_eq!(
        (id(&request.trace_id).as_str(), id(&request.parent_span_id).as_str()),
        (trace, "b7ad6b7169203331")
    );
    let git = collector.wait_for("git");
    assert_eq!(git.parent_span_id, request.span_id);
    assert_eq!(attribute(&git.attributes, "service"), "upload-pack");
    assert_eq!(attribute(&collector.resource(), "service.name"), "workstead-of-tests");
    // With a ratio of 0 only the client's trace is kept.
    assert!(collector.spans().iter().all(|span| id(&span.trace_id) == trace));
}

#[test]
fn what_is_left_is_sent_at_the_end_and_a_collector_that_is_away_hinders_nobody() {
    let collector = Collector::start();
    let mut server = server(&collector, &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    server.create(WORKSPACE);
    assert!(collector.spans().is_empty());
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    collector.wait_for("POST /api/v3/workspaces");

    let environment = vec![
        ("WORKSTEAD_OTLP_ENDPOINT", "http://127.0.0.1:9".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
    ];
    server.run(&ServerOptions { environment, ..ServerOptions::default() });
    server.patch(&format!("/api/v3/workspaces/{WORKSPACE}"), &json!({"displayName": "x"})).expect(200);
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
    assert!(server.log().contains("traces can't be sent"), "{}", server.log());
}
