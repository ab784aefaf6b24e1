//! Which SLXs a list shows.

use super::read::SlxDocument;

/// Which SLXs a list shows; what is not given excludes none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlxFilter {
    /// A text in the short name, the alias, the statement or a tag, in any case.
    pub search: Option<String>,
    /// Tags that it must have, all of them: `name:value`, `name=value`, or a name alone.
    pub tags: Vec<String>,
    /// Owners of which it must have one, in any case.
    pub owners: Vec<String>,
    /// The resource type, in any case.
    pub resource_type: Option<String>,
    /// How the resource path begins, by whole segments: `kubernetes/a` is no prefix of `kubernetes/ab`.
    pub resource_path_prefix: Option<String>,
}

impl SlxFilter {
    /// Tells whether the list shows an SLX.
    pub fn matches(&self, slx: &SlxDocument) -> bool {
        self.search.as_deref().is_none_or(|text| is_found(slx, text))
            && self.tags.iter().all(|tag| has_tag(slx, tag))
            && (self.owners.is_empty() || self.owners.iter().any(|owner| has_owner(slx, owner)))
            && self
                .resource_type
                .as_deref()
                .is_none_or(|wanted| slx.resource_type.as_deref().is_some_and(|found| is_same(found, wanted)))
            && self.resource_path_prefix.as_deref().is_none_or(|prefix| {
                slx.resource_path.as_deref().is_some_and(|path| begins_with(path, prefix))
            })
    }
}

fn is_found(slx: &SlxDocument, text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let holds = |field: &str| field.to_lowercase().contains(&text);
    holds(&slx.short)
        || slx.details.alias.as_deref().is_some_and(holds)
        || slx.statement.as_deref().is_some_and(holds)
        || slx.tags.iter().any(|tag| holds(&tag.name) || holds(&tag.value))
}

/// Names of tags may hold `:` and `=` themselves, so every place to split at is tried.
fn has_tag(slx: &SlxDocument, wanted: &str) -> bool {
    slx.tags.iter().any(|tag| {
        let rest = wanted.strip_prefix(tag.name.as_str());
        rest.is_some_and(|rest| match rest.strip_prefix([':', '=']) {
            Some(value) => value.trim_start() == tag.value,
            None => rest.is_empty(),
        })
    })
}

fn has_owner(slx: &SlxDocument, wanted: &str) -> bool {
    slx.owners.iter().any(|owner| is_same(owner, wanted))
}

fn is_same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

fn begins_with(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_matches('/');
    let rest = path.trim_start_matches('/').strip_prefix(prefix);
    rest.is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::SlxDetails;

    fn slx() -> SlxDocument {
        let text = "spec:\n  alias: Web Fa\u{c7}ade\n  statement: All well\n  owners: [Ann@example.com]\n  tags:\n  - {name: resource_type, value: Ingress}\n  - {name: 'k8s:app', value: 'a=b'}\n  additionalContext: {resourcePath: kubernetes/prod/web}\n";
        let details = Arc::new(SlxDetails::read(&crate::yaml::parse(text).unwrap()));
        SlxDocument {
            short: "web-1".to_owned(),
            has_runbook: true,
            has_sli: false,
            has_slo: false,
            has_workflow: false,
            details,
        }
    }

    fn matches(change: impl FnOnce(&mut SlxFilter)) -> bool {
        let mut filter = SlxFilter::default();
        change(&mut filter);
        filter.matches(&slx())
    }

    #[test]
    fn an_empty_filter_shows_all() {
        assert!(SlxFilter::default().matches(&slx()));
    }

    #[test]
    fn search_looks_at_names_statement_and_tags_in_any_case() {
        for text in ["WEB-1", "fa\u{e7}ade", "ALL WELL", "k8S", "ingress", " web ", ""] {
            assert!(matches(|filter| filter.search = Some(text.to_owned())), "{text}");
        }
        assert!(!matches(|filter| filter.search = Some("kubernetes".to_owned())));
    }

    #[test]
    fn all_tags_must_hold() {
        let has =
            |tags: &[&str]| matches(|filter| filter.tags = tags.iter().map(ToString::to_string).collect());
        assert!(has(&["resource_type:Ingress"]) && has(&["resource_type"]) && has(&["k8s:app=a=b"]));
        assert!(has(&["k8s:app: a=b", "resource_type=Ingress"]));
        for absent in ["k8s", "resource_type:ingress", "resource_type:", "Ingress", "resource_typ"] {
            assert!(!has(&["resource_type", absent]), "{absent}");
        }
    }

    #[test]
    fn one_owner_is_enough() {
        let has = |owners: &[&str]| {
            matches(|filter| filter.owners = owners.iter().map(ToString::to_string).collect())
        };
        assert!(has(&["x@example.com", "ann@EXAMPLE.com"]));
        assert!(!has(&["x@example.com"]));
    }

    #[test]
    fn resources_are_found_by_type_and_by_whole_segments_of_the_path() {
        assert!(matches(|filter| filter.resource_type = Some("ingress".to_owned())));
        assert!(!matches(|filter| filter.resource_type = Some("pod".to_owned())));
        for prefix in ["", "/", "kubernetes", "kubernetes/", "/kubernetes/prod", "kubernetes/prod/web"] {
            assert!(matches(|filter| filter.resource_path_prefix = Some(prefix.to_owned())), "{prefix}");
        }
        for prefix in ["kube", "prod", "kubernetes/prod/web/1"] {
            assert!(!matches(|filter| filter.resource_path_prefix = Some(prefix.to_owned())), "{prefix}");
        }
    }
}
