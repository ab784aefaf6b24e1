//! Which language models to use: by category, from three levels, and never with a secret in the answer.
//!
//! A level (the workspace in Git, its organization, the platform's setting) names a configuration for some of the
//! categories. For a category the first level that names it counts. A category that no level names is what DEFAULT
//! is, found in the same way. So what somebody said of a category always comes before what anybody said in general:
//! a workspace's DEFAULT never replaces the platform's EMBEDDING, which is another kind of model.

mod secrets;

use serde_json::{Map, Value};

pub(crate) use self::secrets::{public, secret_paths};
use crate::error::ApiError;
use crate::fields;

/// Every category.
pub(crate) const CATEGORIES: [Category; 4] =
    [Category::Default, Category::Chat, Category::Background, Category::Embedding];
/// Most bytes of a configuration.
const MAX_BYTES: usize = 64 << 10;

/// What a language model is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    /// Whatever no other category is named for.
    Default,
    Chat,
    Background,
    Embedding,
}

impl Category {
    /// Returns the name in configurations and in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Chat => "CHAT",
            Self::Background => "BACKGROUND",
            Self::Embedding => "EMBEDDING",
        }
    }

    /// Reads a name; another is told all names.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        CATEGORIES.into_iter().find(|category| category.as_str() == text).ok_or_else(|| unknown(text))
    }
}

fn unknown(text: &str) -> ApiError {
    let shown: String = text.chars().take(100).collect();
    let names = CATEGORIES.map(Category::as_str).join(", ");
    ApiError::invalid(
        "unknown_category",
        format!("the category {shown:?} is not known; choose one of {names}"),
    )
}

/// Where a configuration comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LlmConfigSource)]
pub(crate) enum Source {
    Workspace,
    Organization,
    Platform,
    /// No level names the category or DEFAULT.
    None,
}

/// What counts for a category.
#[derive(Debug, PartialEq)]
pub(crate) struct Resolved {
    /// Without what is secret; empty when there is none.
    pub(crate) config: Value,
    pub(crate) source: Source,
    /// The category under which it was found.
    pub(crate) category: Category,
}

/// Finds what counts for a category among the levels, the nearest first.
pub(crate) fn resolve(category: Category, levels: &[(Source, Option<&Value>)]) -> Resolved {
    let named = |category: Category| {
        levels.iter().find_map(|(source, level)| {
            let config = level.and_then(|level| level.get(category.as_str()));
            let config =
                config.filter(|config| config.as_object().is_some_and(|fields| !fields.is_empty()))?;
            Some(Resolved { config: public(config), source: *source, category })
        })
    };
    let none = Resolved { config: Value::Object(Map::new()), source: Source::None, category };
    named(category).or_else(|| named(Category::Default)).unwrap_or(none)
}

/// Checks a configuration as people send or set it: known categories, each an object.
pub(crate) fn check(config: &Value) -> Result<(), ApiError> {
    let wrong = |what: String| {
        let names = CATEGORIES.map(Category::as_str).join(", ");
        ApiError::invalid(
            "invalid_llm_config",
            format!("{what}; expected an object with some of {names}, each an object"),
        )
    };
    let levels =
        config.as_object().ok_or_else(|| wrong(format!("llmConfig is {}", fields::kind_of(config))))?;
    for (name, value) in levels {
        Category::parse(name)?;
        if !value.is_object() {
            return Err(wrong(format!("llmConfig.{name} is {}", fields::kind_of(value))));
        }
    }
    let bytes = config.to_string().len();
    if bytes > MAX_BYTES {
        return Err(wrong(format!("llmConfig has {bytes} bytes, more than {MAX_BYTES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(workspace: &Value, organization: &Value, platform: &Value) -> String {
        let levels = [
            (Source::Workspace, Some(workspace)),
            (Source::Organization, Some(organization)),
            (Source::Platform, Some(platform)),
        ];
        let line = |category: Category| {
            let Resolved { config, source, category: under } = resolve(category, &levels);
            format!("{}: {} by {source:?} under {}", category.as_str(), config["m"], under.as_str())
        };
        CATEGORIES.map(line).join("\n")
    }

    #[test]
    fn the_category_comes_before_the_level() {
        let workspace = json!({ "DEFAULT": { "m": 1 }, "CHAT": {}, "BACKGROUND": null });
        let organization = json!({ "CHAT": { "m": 2 }, "DEFAULT": { "m": 3 } });
        let platform = json!({ "EMBEDDING": { "m": 4 }, "CHAT": { "m": 5 }, "DEFAULT": { "m": 6 } });
        insta::assert_snapshot!(table(&workspace, &organization, &platform), @"
        DEFAULT: 1 by Workspace under DEFAULT
        CHAT: 2 by Organization under CHAT
        BACKGROUND: 1 by Workspace under DEFAULT
        EMBEDDING: 4 by Platform under EMBEDDING
        ");
        let none = json!({});
        insta::assert_snapshot!(table(&none, &json!("odd"), &none), @"
        DEFAULT: null by None under DEFAULT
        CHAT: null by None under CHAT
        BACKGROUND: null by None under BACKGROUND
        EMBEDDING: null by None under EMBEDDING
        ");
    }

    #[test]
    fn only_known_categories_are_taken() {
        let error = |config: &Value| check(config).map_err(|error| error.to_string()).unwrap_err();
        assert!(check(&json!({ "DEFAULT": { "model": "m" }, "CHAT": {} })).is_ok());
        insta::assert_snapshot!(error(&json!({ "chat": {} })), @r#"the category "chat" is not known; choose one of DEFAULT, CHAT, BACKGROUND, EMBEDDING [unknown_category]"#);
        insta::assert_snapshot!(error(&json!({ "CHAT": "gpt" })), @"llmConfig.CHAT is a string; expected an object with some of DEFAULT, CHAT, BACKGROUND, EMBEDDING, each an object [invalid_llm_config]");
        insta::assert_snapshot!(error(&json!([])), @"llmConfig is a list; expected an object with some of DEFAULT, CHAT, BACKGROUND, EMBEDDING, each an object [invalid_llm_config]");
        assert!(error(&json!({ "CHAT": { "x": "y".repeat(MAX_BYTES) } })).contains("more than 65536"));
    }
}
