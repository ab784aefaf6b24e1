//! Pages of lists.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use url::Url;

use crate::error::ApiError;
use crate::query::Query;
use crate::reply;

/// How many rows a list puts on a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// When nobody says how many.
    pub(crate) default: u64,
    /// At most; who asks for more gets this many.
    pub(crate) max: u64,
    /// At most for those who count by offset.
    pub(crate) max_limit: u64,
}

/// What lists do unless the contract says otherwise.
const USUAL: Sizes = Sizes { default: 100, max: 1000, max_limit: 1000 };

/// The part of a list that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) offset: u64,
    pub(crate) size: u64,
    style: Style,
}

/// How the client counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `page` (from 1) and `page_size`.
    Numbered,
    /// `limit` and `offset`.
    Offset,
}

impl Page {
    /// Reads `page` and `page_size`, or `limit` and `offset`.
    pub(crate) fn of(query: &Query) -> Result<Self, ApiError> {
        Self::sized(query, USUAL)
    }

    /// Reads the same for a list with sizes of its own.
    pub(crate) fn sized(query: &Query, sizes: Sizes) -> Result<Self, ApiError> {
        let limit = query.positive("limit")?;
        let offset = query.number("offset")?;
        let page = query.positive("page")?;
        let page_size = query.positive("page_size")?;
        if page.is_none() && page_size.is_none() && (limit.is_some() || offset.is_some()) {
            let size = limit.unwrap_or(sizes.default).min(sizes.max_limit);
            return Ok(Self { offset: offset.unwrap_or(0), size, style: Style::Offset });
        }
        let size = page_size.unwrap_or(sizes.default).min(sizes.max);
        let page = page.unwrap_or(1);
        let offset = page.checked_sub(1).and_then(|before| before.checked_mul(size));
        let offset = offset.ok_or_else(|| no_such_page(page))?;
        Ok(Self { offset, size, style: Style::Numbered })
    }

    /// Refuses a page beyond the end of the list.
    pub(crate) fn check(&self, count: u64) -> Result<(), ApiError> {
        // Who counts by offset finds the end by an empty page.
        if self.style == Style::Numbered && self.offset > 0 && self.offset >= count {
            return Err(no_such_page(self.offset / self.size + 1));
        }
        Ok(())
    }

    /// Returns the page's part of a whole list, or refuses a page beyond its end.
    pub(crate) fn cut<'a, T>(&self, whole: &'a [T]) -> Result<&'a [T], ApiError> {
        self.check(whole.len() as u64)?;
        let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(whole.len());
        Ok(&whole[at(self.offset)..at(self.offset.saturating_add(self.size))])
    }

    /// Answers this page of the list at an address.
    pub(crate) fn answer(
        &self,
        here: &str,
        count: u64,
        query: &Query,
        results: &[Value],
    ) -> Result<Response, ApiError> {
        let here = Url::parse(here).map_err(ApiError::internal)?;
        Ok(reply::json(StatusCode::OK, &self.envelope(count, &here, query, results)))
    }

    /// Writes the page's envelope.
    pub(crate) fn envelope(&self, count: u64, here: &Url, query: &Query, results: &[Value]) -> Value {
        let after = self.offset.saturating_add(self.size);
        let next = (after < count).then(|| self.link(here, query, after));
        let previous = self.offset.min(count);
        let previous = (self.offset > 0).then(|| self.link(here, query, previous.saturating_sub(self.size)));
        json!({ "count": count, "next": next, "previous": previous, "results": results })
    }

    fn link(&self, here: &Url, query: &Query, offset: u64) -> String {
        let mut url = here.clone();
        {
            let mut pairs = url.query_pairs_mut();
            pairs.clear();
            let own = ["page", "page_size", "limit", "offset"];
            for (name, value) in query.pairs().filter(|(name, _)| !own.contains(name)) {
                pairs.append_pair(name, value);
            }
            match self.style {
                Style::Numbered => {
                    pairs.append_pair("page", &(offset / self.size + 1).to_string());
                    pairs.append_pair("page_size", &self.size.to_string());
                }
                Style::Offset => {
                    pairs.append_pair("limit", &self.size.to_string());
                    pairs.append_pair("offset", &offset.to_string());
                }
            }
        }
        url.into()
    }
}

fn no_such_page(page: u64) -> ApiError {
    ApiError::not_found("no_such_page", format!("the list has no page {page}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(query: &str, count: u64) -> Result<String, String> {
        let query = Query::parse(query);
        let page = Page::of(&query).map_err(|error| error.to_string())?;
        page.check(count).map_err(|error| error.to_string())?;
        let here = Url::parse("https://ws.example/base/api/v3/workspaces").unwrap();
        Ok(page.envelope(count, &here, &query, &[]).to_string())
    }

    #[test]
    fn numbered_pages_link_to_their_neighbours() {
        insta::assert_snapshot!(envelope("", 3).unwrap(), @r#"{"count":3,"next":null,"previous":null,"results":[]}"#);
        insta::assert_snapshot!(envelope("page=2&page_size=10&search=a%20b", 25).unwrap(), @r#"{"count":25,"next":"https://ws.example/base/api/v3/workspaces?search=a+b&page=3&page_size=10","previous":"https://ws.example/base/api/v3/workspaces?search=a+b&page=1&page_size=10","results":[]}"#);
        insta::assert_snapshot!(envelope("page=3&page_size=10", 20).unwrap_err(), @"the list has no page 3 [no_such_page]");
        insta::assert_snapshot!(envelope("page=x", 20).unwrap_err(), @r#"the parameter page is "x", expected a whole number from 1 [invalid_parameter]"#);
        for none in ["page=0", "page_size=0", "limit=0"] {
            let error = envelope(none, 20).unwrap_err();
            assert!(
                error.ends_with("is \"0\", expected a whole number from 1 [invalid_parameter]"),
                "{error}"
            );
        }
        assert!(envelope("page=18446744073709551615", 20).is_err());
        assert!(envelope("", 0).is_ok());
    }

    #[test]
    fn a_page_is_cut_out_of_a_whole_list() {
        let cut =
            |query: &str| Page::of(&Query::parse(query)).unwrap().cut(&[1, 2, 3]).map(<[i32]>::to_vec).ok();
        assert_eq!(cut(""), Some(vec![1, 2, 3]));
        assert_eq!(cut("page=2&page_size=2"), Some(vec![3]));
        assert_eq!(cut("page=3&page_size=2"), None);
        assert_eq!(cut("limit=1&offset=1"), Some(vec![2]));
        assert_eq!(cut("limit=1&offset=9223372036854775807"), Some(vec![]));
    }

    #[test]
    fn offsets_link_to_their_neighbours() {
        insta::assert_snapshot!(envelope("limit=10&offset=5", 25).unwrap(), @r#"{"count":25,"next":"https://ws.example/base/api/v3/workspaces?limit=10&offset=15","previous":"https://ws.example/base/api/v3/workspaces?limit=10&offset=0","results":[]}"#);
        insta::assert_snapshot!(envelope("offset=25&limit=10", 25).unwrap(), @r#"{"count":25,"next":null,"previous":"https://ws.example/base/api/v3/workspaces?limit=10&offset=15","results":[]}"#);
        insta::assert_snapshot!(envelope("limit=10&offset=9223372036854775807", 25).unwrap(), @r#"{"count":25,"next":null,"previous":"https://ws.example/base/api/v3/workspaces?limit=10&offset=15","results":[]}"#);
        assert_eq!(Page::of(&Query::parse("limit=5000")).unwrap().size, 1000);
    }

    #[test]
    fn a_list_may_have_sizes_of_its_own() {
        let sizes = Sizes { default: 250, max: 1000, max_limit: 250 };
        for (query, size) in [("", 250), ("limit=300", 250), ("offset=3", 250), ("page_size=5000", 1000)] {
            assert_eq!(Page::sized(&Query::parse(query), sizes).unwrap().size, size, "{query}");
        }
    }
}
