//! What is exported, against what is said to be.

use std::collections::BTreeSet;

use axum::body::Body;
use http_body_util::BodyExt as _;

use super::*;

async fn exported(metrics: &Metrics) -> String {
    let body: Body = metrics.answer(&HeaderMap::new()).unwrap().into_body();
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn all_that_is_described_is_exported_and_the_other_way_round() {
    let metrics = Metrics::new();
    metrics.begin_store(Provider::Local);
    let under_way = metrics.http.begin();
    metrics.http.answered(&axum::http::Method::GET, "/livez", StatusCode::OK, Duration::from_millis(3));
    let text = exported(&metrics).await;
    let types: BTreeSet<(String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    let described: BTreeSet<(String, String)> = described()
        .into_iter()
        // What is set at a scrape has no series by labels before there was one.
        .filter(|metric| metric.name != "workstead_database_connections")
        .map(|metric| (metric.name, if metric.kind == "info" { "gauge" } else { metric.kind }.to_owned()))
        .collect();
    assert_eq!(types, described);
    drop(under_way);
    assert!(text.contains("workstead_http_requests_in_flight 1"), "{text}");
    assert!(exported(&metrics).await.contains("workstead_http_requests_in_flight 0"));
}

#[tokio::test]
async fn what_happens_is_counted() {
    let metrics = Metrics::new();
    metrics.begin_store(Provider::Local);
    metrics.wrote(WriteDoor::Api, WriteEnd::Conflict, Instant::now());
    metrics.upload_phase(Phase::Fetching, Duration::from_secs(2));
    metrics.upload_finished(Via::Inline, UploadEnd::Refused, StatusCode::UNPROCESSABLE_ENTITY);
    metrics.bundle(2048, 4096);
    let since = Timestamp::UNIX_EPOCH;
    let figures = QueueFigures { open: 1, queued: 2, running: 3, oldest_queued: Some(since) };
    metrics.queue(&figures, since + Duration::from_secs(90));
    let missing = || StoreError::Io(std::io::Error::other("x"));
    assert!(metrics.store_call(Provider::Local, StoreOperation::Put, || Err::<(), _>(missing())).is_err());
    metrics.swept(true, since + Duration::from_secs(7));
    let mut run = metrics.git.run(GitService::UploadPack);
    run.ok = true;
    drop(run);
    metrics.slack.told(SlackEnd::Delayed);
    let text = exported(&metrics).await;
    for line in [
        "workstead_commits_total{door=\"api\",outcome=\"conflict\"} 1",
        "workstead_commit_duration_seconds_count{door=\"api\"} 1",
        "workstead_upload_phase_duration_seconds_sum{phase=\"fetching\"} 2.0",
        "workstead_uploads_total{via=\"inline\",outcome=\"refused\",class=\"4xx\"} 1",
        "workstead_bundle_compressed_bytes_sum 2048.0",
        "workstead_upload_queue{state=\"queued\"} 2",
        "workstead_upload_queue_oldest_seconds 90.0",
        "workstead_object_store_duration_seconds_count{operation=\"put\",provider=\"local\"} 1",
        "workstead_object_store_errors_total{operation=\"put\",provider=\"local\",error=\"io\"} 1",
        "workstead_sweeps_total{outcome=\"ok\"} 1",
        "workstead_last_sweep_timestamp_seconds 7",
        "workstead_git_processes_ended_total{service=\"upload-pack\",outcome=\"ok\"} 1",
        "workstead_git_processes{service=\"upload-pack\"} 0",
        "workstead_slack_messages_total{outcome=\"delayed\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
}

#[test]
fn names_follow_the_practice() {
    for Described { name, kind, help, labels } in described() {
        let ours = name.starts_with("workstead_") || name.starts_with("process_");
        assert!(ours && (kind == "counter") == name.ends_with("_total"), "{name}");
        assert!(
            !help.ends_with('.') && kind != "histogram"
                || name.ends_with("_seconds")
                || name.ends_with("_bytes"),
            "{name}"
        );
        assert!(labels.iter().all(|label| !["workspace", "path", "user"].contains(label)), "{name}");
    }
}
