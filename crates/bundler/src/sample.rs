//! Generated workspaces in the form that the workspace builder gives them, for the demo and the benchmarks.

mod cluster;
mod files;
mod random;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use workstead_core::name::WorkspaceName;
use workstead_core::path::RepoPath;

use self::cluster::Check;
use self::random::Random;

/// What to generate.
#[derive(Debug, Clone)]
pub struct SampleOptions {
    /// The workspace's name.
    pub workspace: WorkspaceName,
    /// The owner's e-mail address.
    pub owner: String,
    /// How many SLXs; each has three files.
    pub slxs: usize,
    /// The location's name, as the builder writes it.
    pub location: String,
    /// Other seeds give other content; the same one the same bytes.
    pub seed: u64,
}

/// Generates a workspace's files.
///
/// An SLX is `slx.yaml`, `runbook.yaml` and `sli.yaml`, together some 2.2 KB; names, hosts, thresholds and texts
/// vary, so that it compresses about as well as what real clusters give.
pub fn sample_workspace(options: SampleOptions) -> BTreeMap<RepoPath, Bytes> {
    let SampleOptions { workspace, owner, slxs, location, seed } = options;
    let mut files = BTreeMap::new();
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut put = |path: String, content: String| {
        // Generated names are plain; a path that isn't one would be left out, and the tests see it.
        if let Ok(path) = RepoPath::parse(&path) {
            files.insert(path, Bytes::from(content));
        }
    };
    for index in 0..slxs {
        let check = Check::generate(index, seed);
        let writer =
            files::Writer { workspace: &workspace, owner: &owner, location: &location, check: &check };
        let directory = format!("slxs/{}", check.name);
        put(format!("{directory}/slx.yaml"), writer.slx());
        put(format!("{directory}/runbook.yaml"), writer.runbook());
        put(format!("{directory}/sli.yaml"), writer.sli());
        groups.entry(check.group()).or_default().push(check.name);
    }
    put("workspace.yaml".to_owned(), files::workspace(&workspace, &owner, &location, &groups));
    files
}

/// Changes a share of the SLXs (0 to 1, at least one SLX unless it is 0) and returns how many.
///
/// In each, a text in `slx.yaml` changes, and in every second one a value in `runbook.yaml` too.
pub fn touch(files: &mut BTreeMap<RepoPath, Bytes>, share: f64, seed: u64) -> usize {
    let directories: BTreeSet<String> =
        files.keys().filter_map(|path| path.as_str().strip_suffix("/slx.yaml")).map(str::to_owned).collect();
    let mut shuffled: Vec<(u64, String)> =
        directories.into_iter().map(|directory| (random::mix_text(&directory, seed), directory)).collect();
    shuffled.sort();
    let wanted = (shuffled.len() as f64 * share.clamp(0.0, 1.0)).ceil();
    // Clamped to the length by the share, so it is no negative and no larger number.
    #[allow(clippy::cast_sign_loss)]
    shuffled.truncate(wanted as usize);
    for (index, (number, directory)) in shuffled.iter().enumerate() {
        let mut random = Random::new(*number);
        revise(files, &format!("{directory}/slx.yaml"), "  statement: ", &mut random);
        if index % 2 == 0 {
            revise(files, &format!("{directory}/runbook.yaml"), "    value: ", &mut random);
        }
    }
    shuffled.len()
}

/// Appends a word to the last line that begins so.
fn revise(files: &mut BTreeMap<RepoPath, Bytes>, path: &str, start: &str, random: &mut Random) {
    let Some(content) = files.get_mut(path) else { return };
    let text = String::from_utf8_lossy(content);
    let Some(line) = text.lines().rev().find(|line| line.starts_with(start)) else { return };
    let unquoted = line.trim_end_matches('\'');
    let revised = format!("{unquoted} r{:06x}{}", random.below(1 << 24), &line[unquoted.len()..]);
    let Some(at) = text.rfind(line) else { return };
    *content = Bytes::from(format!("{}{revised}{}", &text[..at], &text[at + line.len()..]));
}

#[cfg(test)]
mod tests;
