//! Many at once.

use std::time::Duration;

use serde_json::Value;

use super::world::{BASE, World, put};
use crate::support::{Answer, Content, bundle, workspace_files};

const WORKSPACES: usize = 50;
const UPLOADS: usize = 200;
/// SLXs of each upload.
const SLXS: usize = 40;
/// Bytes that make each SLX large enough to count in memory.
const FILLER: usize = 20_000;
/// What the server may take for unpacked bundles; all of the test's at once would take six times 160 MiB.
const MEMORY_MIB: u64 = 64;
/// What it takes beside: code, caches, buffers, and what the allocator keeps.
const BESIDE_MIB: u64 = 448;

fn content(workspace: &str, upload: usize) -> Content {
    let names: Vec<_> = (0..SLXS).map(|slx| format!("u{upload}-s{slx}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut files = workspace_files(workspace, &names);
    for name in names {
        files.insert(format!("slxs/{name}/notes.md"), format!("{name}\n").repeat(FILLER / name.len()));
    }
    files
}

/// Does it again as long as the answer is an honest 429 or 503, which says when.
fn patiently(ask: impl Fn() -> Answer) -> Value {
    for _ in 0..600 {
        let answer = ask();
        match answer.status {
            200 => return answer.json,
            429 | 503 => std::thread::sleep(Duration::from_millis(200)),
            other => panic!("{other}: {}", answer.text),
        }
    }
    panic!("not done after two minutes");
}

/// Returns the most memory that a process ever had, in MiB.
fn peak_mib(pid: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn two_hundred_uploads_to_fifty_workspaces_all_land_in_bounded_memory() {
    let memory = format!("{MEMORY_MIB}MiB");
    let Some(world) = World::start(&[("WORKSTEAD_UPLOAD_MEMORY_BYTES", &memory), ("WORKSTEAD_LOG", "info")])
    else {
        return;
    };
    for workspace in 0..WORKSPACES {
        world.server.create(&format!("ws{workspace}"));
    }
    std::thread::scope(|scope| {
        for upload in 0..UPLOADS {
            let world = &world;
            scope.spawn(move || {
                let workspace = format!("ws{}", upload % WORKSPACES);
                let packed = bundle(&content(&workspace, upload));
                let target = patiently(|| world.server.get(&format!("{BASE}/{workspace}/upload")));
                put(&target, &packed).expect(200);
                let done = patiently(|| world.complete(&target));
                assert_eq!(done["summary"]["counts"]["added"], SLXS, "{done}");
            });
        }
    });
    for workspace in 0..WORKSPACES {
        let listed = world.server.get(&format!("{BASE}/ws{workspace}/slxs?limit=1")).expect(200);
        assert_eq!(listed.json["count"], UPLOADS / WORKSPACES * SLXS, "{}", listed.text);
        let page = world.server.get(&format!("{BASE}/ws{workspace}/uploads?status=succeeded")).expect(200);
        assert_eq!(page.json["count"], UPLOADS / WORKSPACES);
    }
    world.wait_until_empty();
    let peak = peak_mib(world.server.pid());
    eprintln!("{UPLOADS} uploads to {WORKSPACES} workspaces: at most {peak} MiB");
    assert!(peak < MEMORY_MIB + BESIDE_MIB, "the server took {peak} MiB");
}
