//! `/workspaces/{workspace}/status`.

use serde_json::Value;

use crate::app::{ADMIN, BASE, TestApp, sample};
use crate::conforms::assert_conforms;

#[tokio::test]
async fn status_says_how_a_workspace_stands() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let path = format!("{BASE}/abc/status");
    let fresh = app.get(&path).await.expect(200);
    insta::assert_json_snapshot!(fresh, {".revision" => "[commit]", ".conditions[].lastTransitionTime" => "[time]"}, @r#"
    {
      "workspace": true,
      "sync": true,
      "state": "ready",
      "branch": "main",
      "revision": "[commit]",
      "slxCount": 0,
      "lastUpload": null,
      "mirror": null,
      "conditions": [
        {
          "type": "Ready",
          "status": "True",
          "reason": "Read",
          "message": "workspace.yaml was read",
          "lastTransitionTime": "[time]"
        }
      ]
    }
    "#);
    let uploaded = app.upload(ADMIN, "abc", &sample("abc", 3), Value::Null).await.expect(200);
    let after = app.get(&path).await;
    assert_conforms(&app, "/api/v3/workspaces/{workspace}/status", &after).await;
    let after = after.expect(200);
    assert_eq!((&after["slxCount"], &after["revision"]), (&3.into(), &uploaded["commit"]));
    assert_eq!(after["lastUpload"]["id"], uploaded["task_id"]);
    assert_eq!(after["lastUpload"]["status"], "succeeded");
}

#[tokio::test]
async fn an_upload_token_that_soon_expires_is_announced() {
    let app = TestApp::start().await;
    app.create("abc").await;
    let status = format!("{BASE}/abc/status");
    app.get(&format!("{BASE}/abc/upload-config?hours=167&location=near")).await.expect(200);
    app.get(&format!("{BASE}/abc/upload-config?hours=170&location=far")).await.expect(200);
    let conditions = app.get(&status).await.expect(200)["conditions"].clone();
    insta::assert_json_snapshot!(conditions, {"[].lastTransitionTime" => "[time]", "[].message" => "[message]"}, @r#"
    [
      {
        "type": "Ready",
        "status": "True",
        "reason": "Read",
        "message": "[message]",
        "lastTransitionTime": "[time]"
      },
      {
        "type": "UploadTokenExpiring",
        "status": "True",
        "reason": "ExpiresSoon",
        "message": "[message]",
        "lastTransitionTime": "[time]"
      }
    ]
    "#);
    assert!(
        conditions[1]["message"]
            .as_str()
            .unwrap()
            .starts_with("the last upload token of location near expires at ")
    );
    app.get(&format!("{BASE}/abc/upload-config?location=near")).await.expect(200);
    assert_eq!(app.get(&status).await.expect(200)["conditions"].as_array().unwrap().len(), 1);
}
