//! Deliveries whose name means something else each time it is asked for.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use url::Url;
use workstead_core::name::WorkspaceName;

use super::courier::{Courier, Taken};
use super::*;
use crate::auth::client_address::Network;
use crate::data_dir::DataDir;
use crate::egress::{Egress, Resolver, Rules};
use crate::server::open_app;
use crate::settings::Settings;
use crate::store::events::EventKind;
use crate::store::now;
use crate::store::webhooks::NewWebhook;
use crate::store::workspaces::Indexed;

/// Says one address after the other.
#[derive(Debug)]
struct Rebinding(Mutex<Vec<[u8; 4]>>);

impl Resolver for Rebinding {
    fn resolve(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::from(self.0.lock().unwrap().remove(0))])
    }
}

#[tokio::test]
async fn an_address_that_was_good_once_is_checked_at_every_attempt() {
    let temp = tempfile::tempdir().unwrap();
    let settings = Settings::from_lookup(|name| match name {
        "WORKSTEAD_DATA_DIR" => Some(temp.path().join("data").display().to_string()),
        "WORKSTEAD_LISTEN" => Some("127.0.0.1:0".to_owned()),
        _ => None,
    });
    let settings = settings.unwrap();
    // Without the sender of a running server, which might take it first.
    let data = DataDir::open(&settings.data_dir).unwrap();
    let app = open_app(settings, Url::parse("https://ws.example").unwrap(), &data).await.unwrap();
    let name = WorkspaceName::parse("abc").unwrap();
    assert!(app.database.begin_workspace("w", &name, "a@b", now()).await.unwrap());
    app.database.finish_workspace("w", &Indexed::default()).await.unwrap();
    // Nothing may ever come in here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://rebind.example:{}/?key=geheim", listener.local_addr().unwrap().port());
    let new = NewWebhook {
        id: "h",
        workspace_id: "w",
        shown_url: "http://rebind.example/?...",
        sealed_url: &Part::Url.seal(&app.server_key, ("w", "h"), &url).unwrap(),
        sealed_secret: &Part::Secret.seal(&app.server_key, ("w", "h"), "0123456789abcdef").unwrap(),
        kinds: &EventKind::ALL,
        description: "",
        is_active: true,
        created_by: "a@b",
        now: now(),
    };
    app.database.add_webhook(&new, 20).await.unwrap();
    // The first question is that of the check when it was made; the name means this machine after that.
    let resolver = Arc::new(Rebinding(Mutex::new(vec![[10, 0, 0, 1], [127, 0, 0, 1]])));
    let rules = Rules { networks: vec![Network::parse("10.0.0.0/8").unwrap()], http: true };
    let courier = Courier { egress: Egress::with(rules, resolver), ..Courier::of(&app) };
    courier.egress.check(&courier.egress.target(&url).unwrap()).await.unwrap();
    let ping = app.database.add_ping("h", "{}", now()).await.unwrap().unwrap();
    let due =
        app.database.take_delivery("x", now(), now() + SignedDuration::from_mins(1)).await.unwrap().unwrap();
    courier.deliver(Taken { due, owner: "x".to_owned() }, now()).await;
    let attempts = app.database.list_attempts(&ping).await.unwrap();
    let [attempt] = attempts.as_slice() else { panic!("{attempts:?}") };
    assert_eq!(attempt.error["code"], "address_not_allowed");
    let detail = attempt.error["detail"].as_str().unwrap();
    assert!(
        detail.contains("rebind.example is 127.0.0.1, this machine itself") && !detail.contains("geheim"),
        "{detail}"
    );
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
