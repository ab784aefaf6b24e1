//! A Slack on loopback that checks what Slack checks, as its documentation of each method has it.
//!
//! It takes forms by POST, the app by Basic authentication, bots by their token; a code works once and for the
//! redirect URL that it was asked for with; refusals are 200 with `ok: false`, too many calls 429 with `Retry-After`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use url::Url;

pub(crate) const CLIENT_ID: &str = "2141029472.691202649728";
pub(crate) const CLIENT_SECRET: &str = "e1b9e11dfcd19c1982d5de12921e17e8c";
/// The token that an installation gives.
pub(crate) const INSTALLED: &str = "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcBrzbqgy";
/// A bot's token that a person may bring.
pub(crate) const BROUGHT: &str = "xoxb-2-brought-by-a-person-0123456789";

type Form = BTreeMap<String, String>;

/// A message that was taken.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) channel: String,
    pub(crate) text: String,
    pub(crate) token: String,
    pub(crate) at: Instant,
}

/// What a call of `chat.postMessage` meets instead of being taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// 429, with the seconds to wait.
    Limited(u32),
    /// 500 and a page of HTML.
    Down,
    /// A redirect to another method.
    Elsewhere,
    /// Another word than the check would have found.
    Refused(&'static str),
}

struct Code {
    redirect_uri: String,
    scope: String,
    used: bool,
}

struct Slack {
    codes: BTreeMap<String, Code>,
    /// Scopes of each living token.
    tokens: BTreeMap<String, &'static str>,
    revoked: Vec<String>,
    faults: VecDeque<Fault>,
    met: Vec<Instant>,
    calls: Vec<String>,
    team: &'static str,
    rotates: bool,
    posted: mpsc::UnboundedSender<Posted>,
}

type Shared = Arc<Mutex<Slack>>;

/// The running server; it ends with the test.
pub(crate) struct StandIn {
    pub(crate) url: String,
    shared: Shared,
    posted: AsyncMutex<mpsc::UnboundedReceiver<Posted>>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let (send, receive) = mpsc::unbounded_channel();
        let shared = Arc::new(Mutex::new(Slack {
            codes: BTreeMap::new(),
            tokens: BTreeMap::from([
                (BROUGHT.to_owned(), "chat:write"),
                ("xoxb-without-scope".to_owned(), "users:read"),
            ]),
            revoked: Vec::new(),
            faults: VecDeque::new(),
            met: Vec::new(),
            calls: Vec::new(),
            team: "Slack Softball Team",
            rotates: false,
            posted: send,
        }));
        let router = Router::new()
            .route("/oauth/v2/authorize", get(authorize))
            .route("/api/{method}", post(call))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, posted: AsyncMutex::new(receive) }
    }

    /// Returns the settings of a server that uses it with the app.
    pub(crate) fn settings(&self) -> [(&str, &str); 3] {
        [
            ("WORKSTEAD_SLACK_BASE_URL", &self.url),
            ("WORKSTEAD_SLACK_CLIENT_ID", CLIENT_ID),
            ("WORKSTEAD_SLACK_CLIENT_SECRET", CLIENT_SECRET),
        ]
    }

    fn slack(&self) -> MutexGuard<'_, Slack> {
        self.shared.lock().unwrap()
    }

    /// Goes to an address as a person's browser does who agrees; returns where Slack sends them back to.
    pub(crate) async fn agree(&self, install_url: &str) -> Url {
        let address = install_url.to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let agent = ureq::Agent::config_builder().max_redirects(0).proxy(None);
            agent
                .max_redirects_will_error(false)
                .http_status_as_error(false)
                .build()
                .new_agent()
                .get(address)
                .call()
        });
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.status(), 302, "{install_url}");
        Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap()
    }

    /// Has the next calls of `chat.postMessage` fail.
    pub(crate) fn fail(&self, faults: &[Fault]) {
        self.slack().faults.extend(faults);
    }

    /// Returns when calls failed.
    pub(crate) fn failed(&self) -> Vec<Instant> {
        self.slack().met.clone()
    }

    pub(crate) fn revoke(&self, token: &str) {
        let mut slack = self.slack();
        slack.tokens.remove(token);
        slack.revoked.push(token.to_owned());
    }

    pub(crate) fn rename_team(&self, team: &'static str) {
        self.slack().team = team;
    }

    pub(crate) fn rotate_tokens(&self) {
        self.slack().rotates = true;
    }

    /// Returns the methods that were called, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.slack().calls.clone()
    }

    /// Waits for the next message.
    pub(crate) async fn message(&self) -> Posted {
        let mut posted = self.posted.lock().await;
        let next = tokio::time::timeout(Duration::from_secs(20), posted.recv());
        next.await.expect("a message comes within 20 seconds").unwrap()
    }

    /// Returns how many messages came that nobody waited for.
    pub(crate) fn unread(&self) -> usize {
        self.posted.try_lock().unwrap().len()
    }
}

fn pairs(text: &[u8]) -> Form {
    url::form_urlencoded::parse(text).into_owned().collect()
}

/// The person agrees and chooses the channel, when the app asks for one.
async fn authorize(State(shared): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = pairs(query.unwrap_or_default().as_bytes());
    let get = |name: &str| query.get(name).cloned().unwrap_or_default();
    if get("client_id") != CLIENT_ID {
        return (StatusCode::BAD_REQUEST, "invalid client_id").into_response();
    }
    if !get("scope").split(',').any(|scope| scope == "chat:write") {
        return (StatusCode::BAD_REQUEST, "invalid scope").into_response();
    }
    let mut slack = shared.lock().unwrap();
    let code = format!("{}.{}", slack.codes.len(), "4724469134");
    let known = Code { redirect_uri: get("redirect_uri"), scope: get("scope"), used: false };
    let mut back = Url::parse(&known.redirect_uri).unwrap();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &get("state"));
    slack.codes.insert(code, known);
    (StatusCode::FOUND, [("location", back.to_string())]).into_response()
}

async fn call(
    State(shared): State<Shared>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let content_type = headers.get("content-type").map_or("", |value| value.to_str().unwrap());
    if content_type != "application/x-www-form-urlencoded" {
        return refused("invalid_post_type").into_response();
    }
    let form = pairs(&body);
    let authorization = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    let mut slack = shared.lock().unwrap();
    slack.calls.push(method.clone());
    if method == "oauth.v2.access" {
        return slack.access(authorization, &form).unwrap_or_else(refused).into_response();
    }
    let token = authorization.strip_prefix("Bearer ").unwrap_or_default().to_owned();
    let scopes = match slack.scopes(&token) {
        Ok(scopes) => scopes,
        Err(word) => return refused(word).into_response(),
    };
    let answer = match method.as_str() {
        "auth.test" => slack.test(&token),
        "auth.revoke" => slack.revoke(&token),
        "chat.postMessage" => match slack.faults.pop_front() {
            Some(fault) => return slack.meet(fault),
            None => slack.post(&token, scopes, &form).unwrap_or_else(refused),
        },
        _ => refused("unknown_method"),
    };
    ([("x-oauth-scopes", scopes)], answer).into_response()
}

fn refused(word: &'static str) -> axum::Json<Value> {
    axum::Json(json!({ "ok": false, "error": word }))
}

type Answer = Result<axum::Json<Value>, &'static str>;

impl Slack {
    fn scopes(&self, token: &str) -> Result<&'static str, &'static str> {
        if token.is_empty() {
            return Err("not_authed");
        }
        let known = self.tokens.get(token).copied();
        let revoked = self.revoked.iter().any(|revoked| revoked == token);
        known.ok_or(if revoked { "token_revoked" } else { "invalid_auth" })
    }

    fn access(&mut self, authorization: &str, form: &Form) -> Answer {
        let basic = authorization.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
        let basic = basic.map(|text| String::from_utf8(text).unwrap()).ok_or("invalid_client_id")?;
        let (id, secret) = basic.split_once(':').ok_or("invalid_client_id")?;
        if id != CLIENT_ID {
            return Err("invalid_client_id");
        }
        if secret != CLIENT_SECRET {
            return Err("bad_client_secret");
        }
        let code = form.get("code").and_then(|code| self.codes.get_mut(code)).ok_or("invalid_code")?;
        if std::mem::replace(&mut code.used, true) {
            return Err("invalid_code");
        }
        if form.get("redirect_uri") != Some(&code.redirect_uri) {
            return Err("bad_redirect_uri");
        }
        let chosen = code.scope.split(',').any(|scope| scope == "incoming-webhook");
        let mut answer = json!({
            "ok": true,
            "access_token": INSTALLED,
            "token_type": "bot",
            "scope": code.scope,
            "bot_user_id": "U0KRQLJ9H",
            "app_id": "A0KRD7HC3",
            "team": { "name": self.team, "id": "T9TK3CUKW" },
            "enterprise": null,
            "authed_user": { "id": "U1234" },
            "is_enterprise_install": false,
        });
        if chosen {
            answer["incoming_webhook"] = json!({
                "channel": "#deployments",
                "channel_id": "C05002EAE",
                "configuration_url": "https://teamxyz.slack.com/services/1",
                "url": "https://hooks.slack.com/services/T9TK3CUKW/B1/secret-address",
            });
        }
        if self.rotates {
            answer["refresh_token"] = json!("xoxe-1-refresh");
            answer["expires_in"] = json!(43_200);
        }
        self.tokens.insert(INSTALLED.to_owned(), "chat:write,chat:write.public,incoming-webhook");
        self.revoked.retain(|token| token != INSTALLED);
        Ok(axum::Json(answer))
    }

    fn test(&self, token: &str) -> axum::Json<Value> {
        let mut answer = json!({
            "ok": true,
            "url": "https://softball.slack.com/",
            "team": self.team,
            "user": "workstead",
            "team_id": "T9TK3CUKW",
            "user_id": "W23456789",
            "is_enterprise_install": false,
        });
        if token.starts_with("xoxb-") {
            answer["bot_id"] = json!("BZYBOTHED");
        }
        axum::Json(answer)
    }

    fn revoke(&mut self, token: &str) -> axum::Json<Value> {
        self.tokens.remove(token);
        self.revoked.push(token.to_owned());
        axum::Json(json!({ "ok": true, "revoked": true }))
    }

    fn post(&mut self, token: &str, scopes: &str, form: &Form) -> Answer {
        if !scopes.split(',').any(|scope| scope == "chat:write") {
            return Err("missing_scope");
        }
        let get = |name: &str| form.get(name).filter(|text| !text.is_empty()).cloned();
        let channel = get("channel").ok_or("channel_not_found")?;
        if !["C05002EAE", "C0123456789", "#deployments"].contains(&channel.as_str()) {
            return Err("channel_not_found");
        }
        let text = get("text").ok_or("no_text")?;
        if text.chars().count() > 40_000 {
            return Err("msg_too_long");
        }
        let posted = Posted { channel: channel.clone(), text, token: token.to_owned(), at: Instant::now() };
        self.posted.send(posted).unwrap();
        Ok(axum::Json(json!({ "ok": true, "channel": channel, "ts": "1503435956.000247" })))
    }

    fn meet(&mut self, fault: Fault) -> Response {
        self.met.push(Instant::now());
        match fault {
            Fault::Limited(seconds) => {
                let answer = refused("ratelimited");
                (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())], answer)
                    .into_response()
            }
            Fault::Down => (StatusCode::INTERNAL_SERVER_ERROR, "<html>oops</html>").into_response(),
            Fault::Elsewhere => {
                (StatusCode::TEMPORARY_REDIRECT, [("location", "/api/elsewhere")]).into_response()
            }
            Fault::Refused(word) => refused(word).into_response(),
        }
    }
}
