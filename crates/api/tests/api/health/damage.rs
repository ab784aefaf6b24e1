//! Repositories that are gone, damaged, and well again.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{ask, health, start, statuses};
use crate::app::{ADMIN, BASE, sample};
use crate::conforms::assert_conforms;

#[tokio::test]
async fn a_repository_that_is_gone_is_unhealthy_whether_it_was_in_memory_or_not() {
    let app = start().await;
    health(&app).await;
    std::fs::remove_dir_all(app.repository()).unwrap();
    let remembered = ask(&app, "?include_details=true&include_metrics=true").await.json();
    insta::assert_json_snapshot!(statuses(&remembered), @r#"
    {
      "status": "unhealthy",
      "repository": [
        "unhealthy",
        "the repository is damaged: its directory is missing; restore it from a backup"
      ]
    }
    "#);
    assert_eq!(
        remembered["details"]["repository"]["lastError"]["message"],
        remembered["checks"]["repository"]["message"]
    );
    // A restart finds nothing to open.
    let app = app.restart_after(async |_| {}).await;
    let opened = ask(&app, "?include_details=true&include_metrics=true").await.json();
    insta::assert_json_snapshot!(statuses(&opened), @r#"
    {
      "status": "unhealthy",
      "repository": [
        "unhealthy",
        "the repository is damaged: its directory is missing; restore it from a backup"
      ],
      "configuration": [
        "unhealthy",
        "the repository can't be read; the server's log has the cause, and a backup the content"
      ]
    }
    "#);
    assert_eq!(opened["metrics"]["commits"], Value::Null);
    assert_eq!(opened["conditions"][0]["reason"], "RepositoryUnreadable");
    let status = app.get(&format!("{BASE}/abc/status")).await;
    assert_conforms(&app, "/api/v3/workspaces/{workspace}/status", &status).await;
    let status = status.expect(200);
    assert_eq!((&status["state"], &status["sync"]), (&json!("damaged"), &json!(false)));
    assert_eq!((&status["revision"], &status["slxCount"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_damaged_repository_is_unhealthy_and_is_well_again_when_it_is_repaired() {
    let app = start().await;
    let branch = app.repository().join("refs/heads/main");
    let sound = std::fs::read(&branch).unwrap();
    std::fs::write(&branch, "nonsense\n").unwrap();
    insta::assert_json_snapshot!(statuses(&health(&app).await), @r#"
    {
      "status": "unhealthy",
      "repository": [
        "unhealthy",
        "the repository can't be read; the server's log has the cause"
      ]
    }
    "#);
    std::fs::remove_file(&branch).unwrap();
    insta::assert_json_snapshot!(statuses(&health(&app).await), @r#"
    {
      "status": "unhealthy",
      "repository": [
        "unhealthy",
        "the repository is damaged: its branch main is missing; restore it from a backup"
      ]
    }
    "#);
    std::fs::write(&branch, sound).unwrap();
    let repaired = ask(&app, "?include_details=true").await.json();
    assert_eq!(repaired["status"], "healthy");
    let last = &repaired["details"]["repository"];
    assert_eq!(
        (&last["status"], last["lastError"].is_object()),
        (&json!("healthy"), true),
        "it is remembered"
    );
}

#[tokio::test]
async fn lost_and_damaged_objects_are_found_behind_what_is_in_memory() {
    for damage in ["objects", "packs", "truncated"] {
        let app = start().await;
        app.upload(ADMIN, "abc", &sample("abc", 40), Value::Null).await.expect(200);
        assert_eq!(health(&app).await["status"], "healthy");
        let objects = app.repository().join("objects");
        match damage {
            "objects" => std::fs::remove_dir_all(&objects).unwrap(),
            "packs" => packs(&objects, |pack| std::fs::remove_file(pack).unwrap()),
            _ => packs(&objects, |pack| {
                let content = std::fs::read(pack).unwrap();
                std::fs::remove_file(pack).unwrap();
                std::fs::write(pack, &content[..content.len() / 2]).unwrap();
            }),
        }
        let health = health(&app).await;
        assert_eq!(health["status"], "unhealthy", "{damage}: {health}");
        assert_eq!(health["checks"]["repository"]["status"], "unhealthy");
        let said = health.to_string();
        assert!(!said.contains(app.data().to_str().unwrap()), "no path of the server: {said}");
    }
}

fn packs(objects: &Path, mut damage: impl FnMut(&Path)) {
    let entries = std::fs::read_dir(objects.join("pack")).unwrap().map(|entry| entry.unwrap().path());
    let packs: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == "pack")).collect();
    assert!(!packs.is_empty());
    for pack in &packs {
        damage(pack);
    }
}

#[tokio::test]
async fn a_disk_that_hangs_is_not_waited_for() {
    let app = start().await;
    app.upload(ADMIN, "abc", &sample("abc", 40), Value::Null).await.expect(200);
    app.git(&["repack", "-a", "-d", "-q"]);
    health(&app).await;
    let mut pipe = None;
    packs(&app.repository().join("objects"), |pack| {
        std::fs::remove_file(pack).unwrap();
        pipe = Some(pack.to_owned());
    });
    // Nobody writes into the pipe, so whoever opens it for reading waits as for a disk that is away.
    let pipe = pipe.unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let begin = Instant::now();
    let path = format!("{BASE}/abc/health?include_details=true&include_metrics=true");
    for answer in join_all((0..6).map(|_| app.get(&path))).await {
        let health = answer.expect(200);
        let message = &health["checks"]["repository"]["message"];
        assert_eq!(message, "the repository's disk did not answer within 2 seconds");
        assert_eq!(health["details"]["repository"]["latencyMs"], Value::Null);
        assert_eq!(health["checks"]["database"]["status"], "healthy");
    }
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    // A writer lets the two go that were let in to wait, and the next one finds what is there.
    drop(std::fs::OpenOptions::new().write(true).open(&pipe).unwrap());
    std::fs::remove_file(&pipe).unwrap();
    let found = health(&app).await;
    assert!(
        found["checks"]["repository"]["message"].as_str().unwrap().contains(".pack is missing"),
        "{found}"
    );
}
