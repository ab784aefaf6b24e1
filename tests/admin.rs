//! `workstead admin`: looking after a stopped server's data.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::{ServerOptions, TestServer, cleaned, workspace_files, workstead};

impl TestServer {
    /// Runs `workstead admin` on this server's data.
    fn admin(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(workstead());
        cleaned(&mut command, self.root.path())
            .env("WORKSTEAD_DATA_DIR", self.data_dir())
            .current_dir(self.root.path())
            .arg("admin")
            .args(arguments)
            .output()
            .unwrap()
    }
}

#[track_caller]
fn told(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    format!("{stdout}{stderr}")
}

#[test]
fn a_workspace_moves_with_its_history() {
    let mut here = TestServer::start();
    here.create("abc");
    here.upload("abc", &workspace_files("abc", &["one", "two"]), &json!({})).expect(200);
    let refused = told(&here.admin(&["check"]), 1);
    assert!(refused.contains("is in use by another process"), "{refused}");
    let before = here.clone_workspace("abc", "before").ok(&["rev-list", "--all"]);
    here.stop();
    insta::assert_snapshot!(told(&here.admin(&["check"]), 0), @"1 workspaces compared, 0 differences");
    insta::assert_snapshot!(told(&here.admin(&["reindex"]), 0), @"1 workspaces indexed, 0 failed");
    insta::assert_snapshot!(told(&here.admin(&["export", "abc", "abc.tar"]), 0), @"abc is in abc.tar");
    let file = here.root.path().join("abc.tar").display().to_string();

    let mut there = TestServer::start();
    there.stop();
    let imported: Value =
        serde_json::from_slice(&there.admin(&["import", &file, "--output", "json"]).stdout).unwrap();
    assert_eq!(imported["name"], "abc");
    assert!(before.starts_with(imported["revision"].as_str().unwrap()));
    let again = told(&there.admin(&["import", &file]), 1);
    assert!(again.contains("there is a workspace abc already"), "{again}");
    there.run(&ServerOptions::default());
    let clone = there.clone_workspace("abc", "after");
    assert_eq!(clone.ok(&["rev-list", "--all"]), before);
    clone.fsck();
    there.patch("/api/v3/workspaces/abc", &json!({ "displayName": "goes on" })).expect(200);
}

#[test]
fn a_directory_without_data_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let output = cleaned(&mut Command::new(workstead()), root.path())
        .current_dir(root.path())
        .args(["admin", "reindex"])
        .output()
        .unwrap();
    insta::assert_snapshot!(told(&output, 1), @r"
    error: there is no server's data in `./workstead-data`
    hint: name the directory by --data-dir or WORKSTEAD_DATA_DIR
    ");
    assert_eq!(fs_err::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn broken_repositories_are_told_with_what_to_do() {
    let mut server = TestServer::start();
    server.create("abc");
    let repository = server.repository();
    server.create("other");
    server.stop();
    insta::assert_snapshot!(told(&server.admin(&["fsck"]), 0), @"2 workspaces examined, 0 errors, 0 warnings");
    let packs = fs_err::read_dir(repository.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.into_iter().find(|path| path.extension().is_some_and(|it| it == "pack")).unwrap();
    fs_err::remove_file(pack).unwrap();
    fs_err::create_dir_all(server.data_dir().join("repositories/0123.git")).unwrap();
    let said = told(&server.admin(&["fsck"]), 1);
    assert!(
        said.starts_with(
            "0123: warning: no workspace has this repository\n  in repositories/0123.git: see what"
        ),
        "{said}"
    );
    assert!(
        said.contains("abc: error: the repository is damaged: pack-") && said.contains("restore"),
        "{said}"
    );
    assert!(said.contains("abc: error: git fsck: ") && said.contains("2 workspaces examined, "), "{said}");
    assert!(!said.contains("other: "), "{said}");
    insta::assert_snapshot!(told(&server.admin(&["fsck", "other"]), 0), @"1 workspaces examined, 0 errors, 0 warnings");
    let unknown = told(&server.admin(&["fsck", "nobody"]), 1);
    assert!(unknown.contains("there is no workspace \"nobody\""), "{unknown}");
    fs_err::remove_dir_all(&repository).unwrap();
    let output = server.admin(&["fsck", "abc", "--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let check: Value = serde_json::from_slice(&output.stdout).unwrap();
    insta::assert_json_snapshot!(check, { ".problems[].repository" => "[directory]" }, @r#"
    {
      "workspaces": 1,
      "problems": [
        {
          "workspace": "abc",
          "repository": "[directory]",
          "severity": "error",
          "what": "its repository is missing",
          "cure": "restore the repository from a backup, or delete the workspace"
        }
      ]
    }
    "#);
}
