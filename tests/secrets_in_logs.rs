//! No secret stands in what the server tells of itself: the log at its loudest, metrics, traces.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use ureq::http::Method;

use crate::support::{
    Answer, Collector, ServerOptions, TestServer, inline_body, send, slx_yaml, workspace_files,
};

const WORKSPACE: &str = "shop";
const BASE: &str = "/api/v3/workspaces/shop";

/// Secrets by what they are.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Notes a secret of ours and returns it.
    fn ours(&mut self, what: &str) -> String {
        let secret = format!("geheim-{}-{:0>24}", what.replace(' ', "-"), self.0.len());
        self.0.insert(what.to_owned(), secret.clone());
        secret
    }

    /// Notes every token and signature that stands in an answer; there must be one.
    #[track_caller]
    fn of_answer(&mut self, what: &str, answer: &Answer) {
        let before = self.0.len();
        // A token, a part of a JWT, or of the query of a signed address.
        for word in answer.text.split(|c: char| c.is_whitespace() || "\"'\\<>,:/?&=@.".contains(c)) {
            let is_jwt = word.starts_with("eyJ") && word.len() > 40;
            let is_signature =
                word.len() >= 40 && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_%".contains(&b));
            if word.starts_with("wst_") || is_jwt || is_signature {
                self.0.insert(format!("{what} {}", self.0.len()), word.to_owned());
            }
        }
        assert!(self.0.len() > before, "no secret in {what}: {}", answer.text);
    }

    /// Asserts that none of them stands in a text, in clear or in base64 as `Authorization: Basic` has it.
    #[track_caller]
    fn assert_none_in(&self, place: &str, holds: impl Fn(&str) -> bool) {
        for (what, secret) in &self.0 {
            let forms = [
                secret.clone(),
                STANDARD.encode(format!("git:{secret}")).trim_end_matches('=').to_owned(),
                URL_SAFE_NO_PAD.encode(secret),
            ];
            for form in forms {
                assert!(!holds(&form), "{what} stands in {place}: {form}");
            }
        }
    }
}

/// Says yes to all that is asked of Slack, and tells which methods were called.
fn slack() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (send, calls) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let send = send.clone();
            std::thread::spawn(move || {
                while let Some(path) = agree(&stream) {
                    if send.send(path).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, calls)
}

fn agree(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|count| *count > 0)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let body =
        json!({"ok": true, "team": "T", "team_id": "T1", "user_id": "U1", "bot_id": "B1", "ts": "1.2"});
    let body = body.to_string();
    let mut stream = stream;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-oauth-scopes: chat:write\r\n";
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).ok()?;
    Some(first.split(' ').nth(1)?.to_owned())
}

/// Sends a request with a token; which may be good or not.
fn with_token(server: &TestServer, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let body = (!body.is_null()).then(|| body.to_string());
    send(method, &format!("{}{path}", server.url), &headers, body.as_deref().map(str::as_bytes))
}

/// People: passwords, sessions, tokens of one's own.
fn walk_people(server: &TestServer, secrets: &mut Secrets) {
    let (password, next) = (secrets.ours("password"), secrets.ours("new password"));
    let user = json!({"email": "ann@example.com", "password": password});
    server.post("/api/v3/users", &user).expect(201);
    let sign_in = json!({"email": "ann@example.com", "password": password});
    let session = server.post("/api/v3/token", &sign_in).expect(200);
    secrets.of_answer("session", &session);
    let access = session.field("access").to_owned();
    let refresh = json!({"refresh": session.field("refresh")});
    let refreshed = server.post("/api/v3/token/refresh", &refresh).expect(200);
    secrets.of_answer("refreshed session", &refreshed);
    let access =
        if refreshed.json["access"].is_string() { refreshed.field("access").to_owned() } else { access };
    let change = json!({"currentPassword": password, "newPassword": next});
    assert!(with_token(server, Method::POST, "/api/v3/users/password", &access, &change).status < 300);
    for wrong in ["wrong password", "another wrong password"] {
        let wrong = json!({"email": "ann@example.com", "password": secrets.ours(wrong)});
        server.post("/api/v3/token", &wrong).expect(401);
    }
    // A secret where none belongs: as the account, and in a body that is no JSON.
    let misplaced = json!({"email": secrets.ours("password as e-mail"), "password": "x"});
    server.post("/api/v3/token", &misplaced).expect(401);
    let broken = format!("{{\"password\": \"{}\"", secrets.ours("password in broken JSON"));
    server.call(Method::POST, "/api/v3/token", Some(broken.as_bytes()));
    // A refresh token that comes twice, and ones that nobody made.
    server.post("/api/v3/token/refresh", &refresh).expect(401);
    server.post("/api/v3/token/refresh", &json!({"refresh": secrets.ours("refresh token")})).expect(401);
    server.post("/api/v3/token/verify", &json!({"token": secrets.ours("verified token")})).expect(401);
    let made = server.post("/api/v3/users/tokens/create", &json!({"name": "ci"})).expect(201);
    secrets.of_answer("personal token", &made);
    // A token in place of its id.
    let path = format!("/api/v3/users/tokens/{}", secrets.ours("token as an id"));
    server.call(Method::DELETE, &path, None).expect(404);
    server.get("/.well-known/jwks.json").expect(200);
}

/// Bad tokens everywhere that clients put them.
fn walk_bad_tokens(server: &TestServer, secrets: &mut Secrets) {
    let token = secrets.ours("unknown token");
    with_token(server, Method::GET, BASE, &token, &Value::Null).expect(401);
    let jwt = format!("eyJhbGciOiJub25lIn0.{}.x", URL_SAFE_NO_PAD.encode(secrets.ours("claim")));
    with_token(server, Method::GET, BASE, &jwt, &Value::Null).expect(401);
    let in_query = secrets.ours("token in the query");
    for path in [
        format!("{BASE}?access_token={in_query}"),
        format!("{BASE}/uploads?token={in_query}&limit={in_query}"),
        format!("/git/shop.git/info/refs?service=git-upload-pack&private_token={in_query}"),
        format!("/no/such/place?token={in_query}"),
        format!("/api/v3/integrations/slack/callback?state={in_query}&code={in_query}"),
        format!("/uploads/local/uploads/w/x.tar.gz?signature={in_query}"),
        format!("/metrics?token={in_query}"),
    ] {
        assert!(server.get_anonymous(&path).status >= 400, "{path}");
        server.get(&path);
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("git:{}", secrets.ours("password of git"))));
    let url = format!("{}/git/shop.git/info/refs?service=git-receive-pack", server.url);
    assert_eq!(send(Method::GET, &url, &[("authorization", &basic)], None).status, 401);
    let cookie = format!("session={}", secrets.ours("cookie"));
    send(Method::GET, &format!("{}{BASE}", server.url), &[("cookie", &cookie)], None).expect(401);
    with_token(server, Method::GET, "/metrics", &secrets.ours("token for metrics"), &Value::Null).expect(401);
}

/// What a workspace keeps: secrets, runners, Slack.
fn walk_workspace(server: &TestServer, secrets: &mut Secrets) {
    let value = secrets.ours("workspace secret");
    server.post(&format!("{BASE}/secrets"), &json!({"secrets": {"pg-password": value}})).expect(201);
    let refused = json!({"secrets": {"a": secrets.ours("refused secret"), "b": ["x"]}});
    server.post(&format!("{BASE}/secrets"), &refused).expect(422);
    let runner = server.get(&format!("{BASE}/runner-token")).expect(200);
    secrets.of_answer("runner token", &runner);
    let rotated = server.post(&format!("{BASE}/runner-token/rotate"), &json!({})).expect(200);
    secrets.of_answer("rotated runner token", &rotated);
    let registration = json!({"runner_name": "r", "secret": secrets.ours("field of a runner")});
    with_token(server, Method::POST, "/api/v3/runners/register", rotated.field("token"), &registration);
    let begun = server.post(&format!("{BASE}/integrate-slack"), &json!({})).expect(200);
    secrets.of_answer("state of an installation", &begun);
    let (_, state) = begun.field("installUrl").split_once("state=").unwrap();
    let state = state.split('&').next().unwrap();
    // The stand-in answers with no token, so this goes wrong, with a good state and a code.
    let back =
        format!("/api/v3/integrations/slack/callback?state={state}&code={}", secrets.ours("code of Slack"));
    assert!(server.get_anonymous(&back).status >= 400);
    let bot = json!({"botToken": format!("xoxb-{}", secrets.ours("bot token")), "channel": "C0123456789"});
    server.post(&format!("{BASE}/integrate-slack"), &bot).expect(200);
    server.get(&format!("{BASE}/agentfarm-params")).expect(200);
}

/// A webhook, whose URL and key are secret; what it is told comes with the uploads.
fn walk_webhooks(server: &TestServer, secrets: &mut Secrets, receiver: &str) {
    let webhooks = format!("{BASE}/webhooks");
    let url = format!("{receiver}/hook?key={}", secrets.ours("query of a webhook"));
    let made = server.post(&webhooks, &json!({"url": url, "secret": secrets.ours("secret of a webhook")}));
    let path = format!("{webhooks}/{}", made.expect(201).field("id"));
    let change = json!({"secret": secrets.ours("new secret of a webhook")}).to_string();
    server.call(Method::PATCH, &path, Some(change.as_bytes())).expect(200);
    for refused in [
        json!({"url": format!("https://u:{}@example.com/", secrets.ours("password of a webhook"))}),
        json!({"url": format!("ftp://example.com/?key={}", secrets.ours("query of a bad webhook"))}),
        json!({"url": url, "secret": [secrets.ours("list of a webhook")]}),
    ] {
        server.post(&webhooks, &refused).expect(422);
    }
}

/// Bundles by every way, and their tokens and addresses.
fn walk_uploads(server: &TestServer, secrets: &mut Secrets) {
    let config = server.get(&format!("{BASE}/generate-workspace-builder-config")).expect(200);
    secrets.of_answer("upload token", &config);
    let body = inline_body(&workspace_files(WORKSPACE, &["cart"]));
    server.post(&format!("{BASE}/upload"), &body).expect(200);
    let opened = server.get(&format!("{BASE}/upload")).expect(200);
    secrets.of_answer("signed address", &opened);
    let bundle = STANDARD.decode(body["output"].as_str().unwrap()).unwrap();
    let headers: Vec<_> = opened.json["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, v)| (name.as_str(), v.as_str().unwrap()))
        .collect();
    let url = opened.field("url");
    // Tampered with first, then as it was signed.
    assert!(send(Method::PUT, &format!("{url}0"), &headers, Some(&bundle)).status >= 400);
    assert!(send(Method::PUT, url, &headers, Some(&bundle)).status < 300);
    let complete = opened.field("completeUrl").strip_prefix(&server.url).unwrap().to_owned();
    server.post(&complete, &Value::Null).expect(200);
    // Refused, with a secret in the file that is wrong.
    let mut files = workspace_files(WORKSPACE, &["cart"]);
    let wrong = slx_yaml(WORKSPACE, "cart")
        .replace("  owners:", &format!("  token: {}\n  owners: 7\n  x:", secrets.ours("content")));
    files.insert("slxs/cart/slx.yaml".to_owned(), wrong);
    server.post(&format!("{BASE}/upload"), &inline_body(&files)).expect(422);
}

/// `git` with credentials of every kind, in the address as people paste it.
fn walk_git(server: &TestServer, secrets: &mut Secrets) {
    let made = server.get(&format!("{BASE}/get-gitlab-sas")).expect(200);
    secrets.of_answer("credentials for git", &made);
    let user = &made.json["users"][0];
    let (name, password) = (user["username"].as_str().unwrap(), user["password"].as_str().unwrap());
    let host = server.url.strip_prefix("http://").unwrap();
    let target = server.root.path().join("clone");
    let git = server.git(server.root.path());
    let url = format!("http://{name}:{password}@{host}/git/shop.git");
    git.ok(&["-c", "http.extraHeader=", "clone", "--quiet", &url, target.to_str().unwrap()]);
    let work = server.git(&target);
    work.write("slxs/web/slx.yaml", &slx_yaml(WORKSPACE, "web"));
    work.commit("watch it");
    work.ok(&["-c", "http.extraHeader=", "push", "--quiet", "origin", "HEAD"]);
    work.write("slxs/web/slx.yaml", &format!("{}\n  token: [", secrets.ours("pushed content")));
    work.commit("break it");
    work.refused(&["-c", "http.extraHeader=", "push", "--quiet", "origin", "HEAD"]);
    let bad = format!("http://x:{}@{host}/git/shop.git", secrets.ours("token in the address"));
    git.refused(&["-c", "http.extraHeader=", "ls-remote", &bad]);
}

/// A mirror with a hook, and one whose upstream, this very server, refuses the password.
fn walk_mirror(server: &TestServer, secrets: &mut Secrets) {
    let set = |body: &Value| {
        let body = body.to_string();
        server.call(Method::PUT, &format!("{BASE}/mirror"), Some(body.as_bytes())).expect(200)
    };
    let url = server.git_url(WORKSPACE);
    let password = secrets.ours("password of a mirror");
    let hooked = set(&json!({"direction": "pull", "url": url, "branch": "none", "password": password}));
    secrets.of_answer("secret of a hook", &hooked);
    let hook = format!("{BASE}/mirror/hook");
    let token = secrets.ours("token of a hook");
    send(Method::POST, &format!("{}{hook}", server.url), &[("x-gitlab-token", &token)], Some(b"{}"))
        .expect(404);
    let misplaced = secrets.ours("password in a URL");
    let bad =
        json!({"direction": "push", "url": format!("https://u:{misplaced}@git.invalid/x.git")}).to_string();
    server.call(Method::PUT, &format!("{BASE}/mirror"), Some(bad.as_bytes())).expect(422);
    set(&json!({"direction": "push", "url": url, "branch": "copy"}));
    let since = Instant::now();
    loop {
        let shown = server.get(&format!("{BASE}/mirror")).expect(200);
        if shown.json["lastError"]["code"] == "credentials_refused" {
            break;
        }
        assert!(since.elapsed().as_secs() < 60, "{}", shown.text);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    server.call(Method::DELETE, &format!("{BASE}/mirror"), None).expect(204);
}

#[test]
fn the_loudest_log_metrics_and_traces_tell_no_secret() {
    for format in ["text", "json"] {
        let mut secrets = Secrets::default();
        let (slack_url, calls) = slack();
        let collector = Collector::start();
        let metrics_token = secrets.ours("metrics token");
        let llm = json!({"CHAT": {"model": "m", "apiKey": secrets.ours("key of a language model")}});
        let environment = vec![
            ("WORKSTEAD_LOG", "trace".to_owned()),
            ("RUST_LOG", "trace".to_owned()),
            ("WORKSTEAD_LOG_FORMAT", format.to_owned()),
            ("WORKSTEAD_METRICS_TOKEN", metrics_token.clone()),
            ("WORKSTEAD_OTLP_ENDPOINT", collector.url.clone()),
            ("WORKSTEAD_SLACK_BASE_URL", slack_url.clone()),
            ("WORKSTEAD_EGRESS_ALLOW", "127.0.0.0/8".to_owned()),
            ("WORKSTEAD_EGRESS_ALLOW_HTTP", "true".to_owned()),
            ("WORKSTEAD_SLACK_CLIENT_ID", "1.2".to_owned()),
            ("WORKSTEAD_SLACK_CLIENT_SECRET", secrets.ours("secret of the Slack app")),
            ("WORKSTEAD_LLM_CONFIG", llm.to_string()),
        ];
        let mut server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
        secrets.0.insert("admin token".to_owned(), server.token.clone());
        server.create(WORKSPACE);
        walk_people(&server, &mut secrets);
        walk_bad_tokens(&server, &mut secrets);
        walk_workspace(&server, &mut secrets);
        walk_webhooks(&server, &mut secrets, &slack_url);
        walk_uploads(&server, &mut secrets);
        walk_git(&server, &mut secrets);
        walk_mirror(&server, &mut secrets);
        // The message about an upload is sent with the bot's token, after the upload; and the webhook's.
        let mut missing = vec!["/api/chat.postMessage", "/hook?key="];
        for path in calls {
            missing.retain(|wanted| !path.starts_with(wanted));
            if missing.is_empty() {
                break;
            }
        }
        let metrics = with_token(&server, Method::GET, "/metrics", &metrics_token, &Value::Null).expect(200);
        assert!(metrics.text.contains("workstead_uploads_total"), "{}", metrics.text);
        assert_eq!(server.stop().code(), Some(0));

        let log = server.log();
        let lines = log.lines().count();
        // The log is as loud as can be, and of what was walked.
        assert!(lines > 300 && log.contains("DEBUG"), "{lines} lines");
        assert!(log.contains("/api/v3/workspaces/{workspace}/secrets"), "{log}");
        // Who asks is told, so what is told of requests is found here.
        assert!(log.contains("ann@example.com"), "{log}");
        assert!(secrets.0.len() > 30, "{:?}", secrets.0.keys());
        assert!(collector.spans().len() > 30);
        secrets.assert_none_in("the log", |secret| log.contains(secret));
        secrets.assert_none_in("the standard output", |secret| server.greeting.join("\n").contains(secret));
        secrets.assert_none_in("the metrics", |secret| metrics.text.contains(secret));
        secrets.assert_none_in("the traces", |secret| collector.holds(secret));
    }
}
