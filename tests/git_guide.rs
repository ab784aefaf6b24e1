//! docs/GIT.md, run as developers would: every block in its order, in one shell, and what it prints is in the document.

use std::fmt::Write as _;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::support::{TestServer, cleaned, path_variable, repository_root, workstead};

const DOCUMENT: &str = "docs/GIT.md";
const BEGIN: &str = "```console\n";
const END: &str = "```\n";
/// Where the document says that the server is.
const ADDRESS: &str = "http://127.0.0.1:8700";
/// Stands between what two commands print.
const MARK: &str = "\u{1}";

/// Returns the text around the blocks, and the commands of each block.
fn parts(document: &str) -> (Vec<&str>, Vec<Vec<&str>>) {
    let (mut around, mut blocks) = (Vec::new(), Vec::new());
    let mut rest = document;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (block, behind) = after.split_once(END).unwrap();
        around.push(before);
        blocks.push(block.lines().filter_map(|line| line.strip_prefix("$ ")).collect());
        rest = behind;
    }
    around.push(rest);
    (around, blocks)
}

/// Writes ids, which time is a part of, as ones that stay: the first is always the same, and so on.
fn with_lasting_ids(text: &str) -> String {
    let mut known: Vec<String> = Vec::new();
    let is_id = |word: &str| {
        (7..=40).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && word.bytes().any(|byte| byte.is_ascii_digit())
    };
    let mut lasting = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let id = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        // Names of the example end with eight such digits, and stay.
        if !is_id(id) || text.contains(&format!("-{id}")) {
            lasting.push_str(word);
            continue;
        }
        let place = known.iter().position(|long| long.starts_with(id) || id.starts_with(long.as_str()));
        let place = place.unwrap_or_else(|| {
            known.push(id.to_owned());
            known.len() - 1
        });
        lasting.push_str(&hex::encode(Sha256::digest(place.to_string()))[..id.len()]);
        lasting.push_str(&word[id.len()..]);
    }
    lasting
}

/// Runs the commands in one shell and returns what each printed.
fn printed(server: &TestServer, commands: &[&str]) -> Vec<String> {
    let host = server.url.strip_prefix("http://").unwrap();
    let mut script = String::from("exec 2>&1\n");
    for command in commands {
        let command = command.replace(&ADDRESS["http://".len()..], host);
        let _ = writeln!(script, "printf '\\001'\n{command}");
    }
    let mut shell = Command::new("bash");
    cleaned(&mut shell, server.root.path());
    let program = workstead();
    let path = format!("{}:{}", program.parent().unwrap().display(), path_variable());
    let people = ["AUTHOR", "COMMITTER"]
        .map(|role| [(format!("GIT_{role}_NAME"), "Dev"), (format!("GIT_{role}_EMAIL"), "dev@example.com")]);
    let output = shell
        .args(["-c", &script])
        .current_dir(server.scratch("guide"))
        .env("PATH", path)
        .env("WORKSTEAD_TOKEN", &server.token)
        .envs(people.into_iter().flatten())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let text =
        with_lasting_ids(&text.replace(&server.token, "$WORKSTEAD_TOKEN").replace(&server.url, ADDRESS));
    let mut all = text.split(MARK).map(|printed| {
        let lines = printed.lines().map(|line| format!("{}\n", line.trim_end()));
        lines.collect::<String>()
    });
    assert_eq!(all.next().as_deref(), Some(""), "{text}");
    all.collect()
}

#[test]
fn the_document_shows_what_git_and_the_server_say() {
    if std::env::var_os("WORKSTEAD_TEST_WITHOUT_GUIDE").is_some() {
        return;
    }
    let path = repository_root().join(DOCUMENT);
    let document = fs_err::read_to_string(&path).unwrap();
    let (around, blocks) = parts(&document);
    let server = TestServer::start();
    server.create("demo");
    let fixture = repository_root().join("fixtures/workspaces/valid/demo");
    let uploaded = server.command(&["upload", &fixture.display().to_string(), "--workspace", "demo"]);
    assert!(uploaded.status.success(), "{uploaded:?}");
    let commands: Vec<&str> = blocks.iter().flatten().copied().collect();
    assert!(commands.len() >= 30, "{commands:?}");
    let mut printed = printed(&server, &commands).into_iter();
    let mut expected = String::new();
    for (before, block) in around.iter().zip(&blocks) {
        let _ = write!(expected, "{before}{BEGIN}");
        for command in block {
            let _ = write!(expected, "$ {command}\n{}", printed.next().unwrap());
        }
        expected.push_str(END);
    }
    expected.push_str(around.last().unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs_err::write(&path, &expected).unwrap();
        return;
    }
    assert_up_to_date(&document, &expected);
}

/// Fails with the first line that differs.
fn assert_up_to_date(document: &str, expected: &str) {
    let differs = document.lines().zip(expected.lines()).find(|(one, other)| one != other);
    assert!(
        document == expected,
        "{DOCUMENT} is out of date (`UPDATE_DOCS=1 cargo test -p workstead --test e2e git_guide` writes it anew), first here:\n{differs:#?}"
    );
}
