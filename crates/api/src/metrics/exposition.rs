//! The forms in which metrics are written: `OpenMetrics`, and the text of older Prometheus.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::error::ApiError;
use crate::reply;

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Writes all metrics in the form that the client takes.
pub(super) fn answer(registry: &Registry, headers: &HeaderMap) -> Result<Response, ApiError> {
    let mut text = String::with_capacity(64 << 10);
    encode(&mut text, registry).map_err(ApiError::internal)?;
    let open = takes_open_metrics(headers);
    let (media_type, text) = if open { (OPEN_METRICS, text) } else { (PLAIN, plain(&text)) };
    let mut response = reply::no_store((StatusCode::OK, Body::from(text)).into_response());
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(response)
}

fn takes_open_metrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|entry| {
        entry.split(';').next().is_some_and(|kind| kind.trim() == "application/openmetrics-text")
    })
}

/// Makes Prometheus' own text of `OpenMetrics`: there, a counter's description bears the whole name of its samples,
/// and there is no type `info`.
fn plain(open: &str) -> String {
    let kinds: HashMap<&str, &str> =
        open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let whole = |name: &str| match kinds.get(name).copied() {
        Some("counter") => format!("{name}_total"),
        Some("info") => format!("{name}_info"),
        _ => name.to_owned(),
    };
    let mut text = String::with_capacity(open.len() + 4096);
    for line in open.lines() {
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|word| {
            let (name, rest) = line.strip_prefix(word)?.split_once(' ')?;
            Some(format!("{word}{} {}", whole(name), if rest == "info" { "gauge" } else { rest }))
        });
        match described {
            Some(line) => text.push_str(&line),
            None if line.starts_with('#') => continue,
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::gauge::Gauge;
    use prometheus_client::metrics::info::Info;

    use super::*;

    #[test]
    fn the_older_text_names_counters_as_their_samples() {
        let mut registry = Registry::default();
        let counter: Counter = Counter::default();
        counter.inc();
        registry.register("a_things", "Things", counter);
        registry.register("a_build", "Build", Info::new([("version", "1")]));
        registry.register("a_level", "Level", Gauge::<i64>::default());
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        insta::assert_snapshot!(plain(&text), @r#"
        # HELP a_things_total Things.
        # TYPE a_things_total counter
        a_things_total 1
        # HELP a_build_info Build.
        # TYPE a_build_info gauge
        a_build_info{version="1"} 1
        # HELP a_level Level.
        # TYPE a_level gauge
        a_level 0
        "#);
    }

    #[test]
    fn the_client_says_which_form_it_takes() {
        let takes = |accept: &'static str| {
            takes_open_metrics(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
        };
        assert!(takes("application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5"));
        assert!(!takes("text/plain, */*"));
    }
}
