use jiff::SignedDuration;

use super::*;
use crate::server::Server;
use crate::settings::Settings;
use crate::store::uploads::{NewUpload, Opening, UploadState};
use crate::store::workspaces::Indexed;
use workstead_core::name::WorkspaceName;

#[tokio::test]
async fn what_nobody_completed_is_deleted_and_expires() {
    let temp = tempfile::tempdir().unwrap();
    let settings = Settings::from_lookup(|name| match name {
        "WORKSTEAD_DATA_DIR" => Some(temp.path().join("data").display().to_string()),
        "WORKSTEAD_LISTEN" => Some("127.0.0.1:0".to_owned()),
        _ => None,
    });
    let server = Server::bind(settings.unwrap()).await.unwrap();
    let (app, start) = (server.app(), now());
    let name = WorkspaceName::parse("abc").unwrap();
    assert!(app.database.begin_workspace("w", &name, "a@b", start).await.unwrap());
    app.database.finish_workspace("w", &Indexed::default()).await.unwrap();
    let new = |id: &'static str| NewUpload {
        id,
        workspace_id: "w",
        email: "a@b",
        token_id: "t",
        options_json: "{}",
        now: start,
    };
    let opening = |object_key: &'static str| Opening {
        via: "presigned",
        object_key,
        expires_at: start,
        max_open: 2,
        sha256: None,
        size_bytes: None,
    };
    // The first can't be deleted, which must not keep the second.
    assert!(app.database.open_upload(&new("bad"), &opening("../bad")).await.unwrap());
    assert!(app.database.open_upload(&new("u"), &opening("uploads/w/u.tar.gz")).await.unwrap());
    let state = async || app.database.find_upload("u").await.unwrap().unwrap().state;
    sweep(app, start + SignedDuration::from_hours(23)).await.unwrap();
    assert_eq!(state().await, UploadState::Open);
    sweep(app, start + SignedDuration::from_hours(25)).await.unwrap_err();
    assert_eq!(state().await, UploadState::Expired);
    // What belongs to nobody any more is not tried again for ever.
    sweep(app, start + SignedDuration::from_hours(26)).await.unwrap();
}

#[test]
fn a_part_goes_on_in_spite_of_some_failures() {
    let mut failures = Failures::default();
    let failure = |number: usize| ApiError::unavailable("store_down", number.to_string(), 5);
    for number in 1..MOST_FAILURES {
        failures.note("x", failure(number)).unwrap();
    }
    assert_eq!(failures.note("x", failure(MOST_FAILURES)).unwrap_err().detail(), "10");
    assert_eq!(failures.result().unwrap_err().detail(), "1");
    Failures::default().result().unwrap();
}
