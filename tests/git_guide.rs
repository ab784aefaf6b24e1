//! docs/GIT.md, run as developers would: every command of it, in its order, in one shell, with what it prints.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{ServerOptions, TestServer, cleaned, repository_root, workspace_files, workstead};

/// The address that the document uses.
const SHOWN: &str = "https://workstead.example.com";
const FENCE: &str = "```console\n";
/// What separates the outputs of commands; the shell makes it from two halves, so that no command shows it.
const MARK: &str = "@@ end of command @@";

/// Returns the commands of a block: lines after `$ `, with those that `> ` continues.
fn commands(block: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut continues = false;
    for line in block.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(command.to_owned());
            continues = true;
        } else if let (true, Some(more), Some(last)) = (continues, line.strip_prefix("> "), found.last_mut())
        {
            last.push('\n');
            last.push_str(more);
        } else {
            continues = false;
        }
    }
    found
}

/// Replaces ids of commits, which are others in every run, by made-up ones in the order in which they come.
fn with_lasting_ids(text: &str, ids: &HashSet<String>) -> String {
    let mut known: HashMap<String, String> = HashMap::new();
    let mut shown = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex = (7..=40).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hex || !ids.contains(&bare[..7]) {
            shown.push_str(word);
            continue;
        }
        let next = known.len() as u64 + 1;
        let lasting = known.entry(bare[..7].to_owned()).or_insert_with(|| {
            let mut state = next;
            let mut half = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                format!("{:016x}", state ^ (state >> 29))
            };
            format!("{}{}{}", half(), half(), half())
        });
        shown.push_str(&lasting[..bare.len()]);
        shown.push_str(&word[bare.len()..]);
    }
    shown
}

/// Returns the short ids of all commits that the server has or the clones have had.
fn commits(server: &TestServer) -> HashSet<String> {
    let work = server.root.path().join("work");
    let clones = [server.repository(), work.join("shop"), work.join("other")];
    let listed = clones.map(|path| server.git(&path).ok(&["log", "--all", "--reflog", "--format=%H"]));
    listed.iter().flat_map(|text| text.lines()).map(|id| id[..7].to_owned()).collect()
}

/// Runs all commands in one shell and returns what each printed.
fn outputs(server: &TestServer, all: &[String]) -> Vec<String> {
    let mut script = format!(
        "exec 2>&1 </dev/null\ncurl() {{ command curl \"${{@/{SHOWN}/{}}}\"; }}\n",
        server.url.replace('/', "\\/")
    )
    .replace(SHOWN, &SHOWN.replace('/', "\\/"));
    for command in all {
        script.push_str(command);
        script.push_str("\nprintf '%s%s\\n' '@@ end of ' 'command @@'\n");
    }
    let mut shell = Command::new("bash");
    let path = workstead().parent().unwrap().display().to_string();
    cleaned(&mut shell, server.root.path());
    let output = shell
        .args(["-c", &script])
        .current_dir(server.scratch("work"))
        .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
        .env("TOKEN", &server.token)
        .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_NAME"), "Dev")))
        .envs(["AUTHOR", "COMMITTER"].map(|role| (format!("GIT_{role}_EMAIL"), "dev@example.com")))
        .env("GIT_CONFIG_COUNT", "3")
        .env("GIT_CONFIG_KEY_0", "http.extraHeader")
        .env("GIT_CONFIG_VALUE_0", format!("Authorization: Bearer {}", server.token))
        .env("GIT_CONFIG_KEY_1", format!("url.{}/.insteadOf", server.url))
        .env("GIT_CONFIG_VALUE_1", format!("{SHOWN}/"))
        // Hints of Git's own differ between its versions.
        .env("GIT_CONFIG_KEY_2", "advice.pushUpdateRejected")
        .env("GIT_CONFIG_VALUE_2", "false")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap().replace(&server.url, SHOWN);
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let text = with_lasting_ids(&(lines.join("\n") + "\n"), &commits(server));
    text.split(&format!("{MARK}\n")).map(str::to_owned).collect()
}

/// Returns the document with what its commands print now.
fn rewritten(document: &str, server: &TestServer) -> String {
    let blocks = document.split(FENCE).skip(1).filter_map(|rest| rest.split("```").next());
    let all: Vec<String> = blocks.flat_map(commands).collect();
    assert!(all.len() >= 25, "{all:?}");
    let mut printed = outputs(server, &all).into_iter();
    let mut pieces = document.split(FENCE);
    let mut text = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let (block, after) = piece.split_once("```").unwrap();
        text.push_str(FENCE);
        for command in commands(block) {
            writeln!(text, "$ {}", command.replace('\n', "\n> ")).unwrap();
            text.push_str(&printed.next().unwrap());
        }
        text.push_str("```");
        text.push_str(after);
    }
    text
}

#[test]
fn the_guide_to_git_shows_what_happens() {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_GUIDE").is_some() {
        return;
    }
    let environment = [
        ("WORKSTEAD_GIT_ALIAS_PREFIX", "/platform-cluster-01"),
        ("WORKSTEAD_GIT_PROTECTED_BRANCHES", "release/*"),
        ("WORKSTEAD_UPLOAD_MAX_FILE_BYTES", "1MiB"),
        ("WORKSTEAD_GIT_MAX_PUSH_BYTES", "4MiB"),
    ];
    let environment = environment.map(|(name, value)| (name, value.to_owned())).into();
    let server = TestServer::start_with(&ServerOptions { environment, ..ServerOptions::default() });
    server.create("shop");
    server.upload("shop", &workspace_files("shop", &["cart", "web"]), &json!({})).expect(200);
    let path = repository_root().join(Path::new("docs/GIT.md"));
    let document = fs_err::read_to_string(&path).unwrap();
    let expected = rewritten(&document, &server);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(path, expected).unwrap();
        return;
    }
    if document != expected {
        let differs = document.lines().zip(expected.lines()).find(|(old, new)| old != new);
        panic!(
            "docs/GIT.md is out of date, first at {differs:?}; write it anew by \
             `UPDATE_DOCS=1 cargo test -p workstead --test e2e git_guide`"
        );
    }
}

#[test]
fn ids_are_the_same_in_every_run() {
    let run = |one: &str, two: &str| {
        let ids = [one, two].map(|id| id[..7].to_owned()).into();
        with_lasting_ids(&format!("{} {one}..{two} 1200000 {}\n", &one[..10], &two[..7]), &ids)
    };
    let id = |start: &str| start.to_owned() + &"0".repeat(33);
    let first = run(&id("1234567"), &id("abcdef0"));
    assert_eq!(first, run(&id("89abcde"), &id("7654321")));
    assert!(first.contains(" 1200000 ") && !first.contains("1234567"), "{first}");
    assert_ne!(first, run(&id("1234567"), &id("1234567")));
}
