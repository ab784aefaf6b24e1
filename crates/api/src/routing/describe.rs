//! The OpenAPI 3.1 description, made from the table of routes.

use axum::http::Method;
use itertools::Itertools;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, ContentBuilder, Info, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required, Response,
    ResponseBuilder, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::{Route, Routes, Rule};
use crate::access::Action;
use crate::error::ErrorBody;

const BEARER: &str = "bearer";

impl Routes {
    /// Describes all routes as they are answered; `base` is where clients reach them.
    pub(crate) fn describe(&self, base: &str) -> OpenApi {
        let mut paths = Paths::new();
        for route in &self.routes {
            let item = PathItem::new(http_method(&route.method), describe(route));
            match paths.paths.get_mut(&route.path) {
                Some(known) => known.merge_operations(item),
                None => drop(paths.paths.insert(route.path.clone(), item)),
            }
        }
        // In the order of the table, which readers meet them in.
        let tags = self.routes.iter().flat_map(|route| route.operation.tags.iter().flatten());
        let tags = tags.unique().map(|tag| TagBuilder::new().name(tag).build());
        let mut components = Components::new();
        components.schemas.extend(self.schemas.iter().cloned());
        components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
            "A personal access token, a token of narrow scope, or the access token of `POST /api/v3/token/`.",
        ));
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme.build()));
        let mut info = Info::new("Workstead", env!("CARGO_PKG_VERSION"));
        info.description = Some(
            "Workspace configuration, kept in Git. A path with and without its trailing slash is the same route."
                .to_owned(),
        );
        OpenApiBuilder::new()
            .info(info)
            .servers(Some([ServerBuilder::new().url(base).build()]))
            .tags(Some(tags.collect::<Vec<_>>()))
            .paths(paths)
            .components(Some(components))
            .build()
    }
}

/// Completes what the handler says of itself by what its rule, path and body entail.
fn describe(route: &Route) -> Operation {
    let mut operation = route.operation.clone();
    let needs = needs(route.rule);
    let described = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{described}\n\nNeeds {needs}.").trim().to_owned());
    operation.operation_id = Some(operation_id(route));
    let known = operation.parameters.get_or_insert_default();
    for name in path_parameters(&route.path) {
        if !known.iter().any(|parameter| is_named(parameter, name)) {
            known.push(RefOr::T(path_parameter(name)));
        }
    }
    if operation.parameters.as_ref().is_some_and(Vec::is_empty) {
        operation.parameters = None;
    }
    if route.rule != Rule::Public {
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])]);
    }
    operation.extensions = Some(
        ExtensionsBuilder::new().add("x-workstead-rule", serde_json::Value::from(rule(route.rule))).build(),
    );
    for (status, why) in refusals(route) {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(refusal(why)));
    }
    operation
}

/// Names a rule for programs, as the test of all routes with all callers reads it.
fn rule(rule: Rule) -> String {
    match rule {
        Rule::Public => "public".to_owned(),
        Rule::AnyToken => "any_token".to_owned(),
        Rule::Person => "person".to_owned(),
        Rule::Staff => "staff".to_owned(),
        Rule::Runner => "runner".to_owned(),
        Rule::Workspace(action) => format!("workspace:{action:?}"),
    }
}

/// Says what a rule asks for.
fn needs(rule: Rule) -> String {
    match rule {
        Rule::Public => "nothing".to_owned(),
        Rule::AnyToken => "a token of any scope".to_owned(),
        Rule::Person => "a token of full scope".to_owned(),
        Rule::Staff | Rule::Workspace(Action::SetMirror) => "a token of a member of the staff".to_owned(),
        Rule::Runner => "the runner token of a location".to_owned(),
        Rule::Workspace(action) => format!("the role {} on the workspace{}", action.needs(), scopes(action)),
    }
}

fn scopes(action: Action) -> &'static str {
    if action == Action::Upload { ", or an upload token of it" } else { "" }
}

fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '{', '}', '-', '.']).filter(|word| !word.is_empty() && *word != "api");
    let mut id = route.method.as_str().to_ascii_lowercase();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

/// Lists the refusals that follow from a route's rule and form.
fn refusals(route: &Route) -> Vec<(&'static str, &'static str)> {
    let mut refusals = vec![
        ("400", "The request can't be read."),
        ("500", "The server failed; its log has the cause under the request's id."),
        ("503", "The server is busy or a part of it is away; `Retry-After` says when to try again."),
    ];
    if route.rule != Rule::Public {
        refusals.push(("401", "The token is missing, unknown, expired or revoked."));
        refusals.push(("403", "The caller may not do this, or the token's scope does not reach it."));
        refusals.push(("429", "Too many requests; `Retry-After` says when to try again."));
    }
    let is_paged = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(one) if one.name == "page");
    if route.path.contains('{') || route.operation.parameters.iter().flatten().any(is_paged) {
        refusals.push(("404", "It does not exist, or the caller may not see it."));
    }
    if route.rule == Rule::Workspace(Action::Write) {
        refusals
            .push(("409", "The default branch is pulled by a mirror, or another branch stands in the way."));
    }
    if route.operation.request_body.is_some() {
        refusals.push(("408", "The body came too slowly."));
        // Where the body becomes a commit.
        let is_kept = matches!(route.rule, Rule::Workspace(Action::Read | Action::Write | Action::Upload));
        let body_or_repository = "The body is larger than the limit, or the repository would be.";
        refusals
            .push(("413", if is_kept { body_or_repository } else { "The body is larger than the limit." }));
        refusals.push(("415", "The body is of another type, or compressed."));
        refusals.push(("422", "The body is well-formed but not valid."));
    }
    refusals
}

fn refusal(why: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build();
    ResponseBuilder::new().description(why).content("application/json", content).build()
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Parameter {
    let description = match name {
        "workspace" => "The workspace's name.",
        "slx" => "The SLX's short name, or `<workspace>--<short name>`.",
        "branch" => "The branch; a slash in it may be written as it is or as `%2F`.",
        "upload" | "task" => "The upload's id.",
        "user" => "The user's id.",
        "token" => "The token's id, not the token.",
        "group" => "The group's name.",
        "email" => "The member's e-mail address.",
        _ => "",
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description).filter(|text| !text.is_empty()))
        .schema(Some(String::schema()))
        .build()
}

fn is_named(parameter: &RefOr<Parameter>, name: &str) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == name && parameter.parameter_in == ParameterIn::Path)
}

fn http_method(method: &Method) -> HttpMethod {
    match *method {
        Method::PUT => HttpMethod::Put,
        Method::POST => HttpMethod::Post,
        Method::DELETE => HttpMethod::Delete,
        Method::PATCH => HttpMethod::Patch,
        _ => HttpMethod::Get,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn one_name_of_a_schema_is_one_shape() {
        let mut known = BTreeMap::new();
        for (name, schema) in crate::router::table().schemas {
            let shape = serde_json::to_value(schema).unwrap();
            let before = known.insert(name.clone(), shape.clone());
            assert!(
                before.is_none_or(|before| before == shape),
                "two types are described as {name}: rename one"
            );
        }
        assert!(known.len() > 10);
    }
}
