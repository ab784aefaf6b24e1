//! What `git` itself takes for the same content.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use workstead_core::path::RepoPath;

pub(crate) type Files = BTreeMap<RepoPath, Bytes>;

/// Makes `git` with a clean environment.
pub(crate) fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(directory).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", directory).env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "bench").env(format!("GIT_{role}_EMAIL"), "bench@localhost");
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Times `git fast-import` of the files into a new bare repository.
pub(crate) fn fast_import(files: &Files) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    run(git(directory.path()).args(["init", "-q", "--bare", "."]))?;
    let stream = directory.path().join("stream");
    let mut out = std::io::BufWriter::new(fs_err::File::create(&stream)?);
    out.write_all(
        b"commit refs/heads/main\ncommitter bench <bench@localhost> 1700000000 +0000\ndata 4\ninit\n",
    )?;
    for (path, content) in files {
        write!(out, "M 100644 inline \"{}\"\ndata {}\n", path.as_str().replace('"', "\\\""), content.len())?;
        out.write_all(content)?;
        out.write_all(b"\n")?;
    }
    out.into_inner()?.sync_all()?;
    let start = Instant::now();
    run(git(directory.path())
        .args(["fast-import", "--quiet"])
        .stdin(fs_err::File::open(&stream)?.into_parts().0))?;
    Ok(start.elapsed())
}

/// Times unpacking the bundle, `git add` and `git commit`.
pub(crate) fn tar_add_commit(bundle: &[u8]) -> Result<Duration> {
    let directory = tempfile::tempdir()?;
    let archive = directory.path().join("bundle.tar.gz");
    fs_err::write(&archive, bundle)?;
    let work = directory.path().join("work");
    fs_err::create_dir(&work)?;
    run(git(&work).args(["init", "-q", "-b", "main", "."]))?;
    let start = Instant::now();
    run(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(&work))?;
    run(git(&work).args(["add", "-A"]))?;
    run(git(&work).args(["commit", "-q", "-m", "upload"]))?;
    Ok(start.elapsed())
}

/// A repository with a work tree in which `git` commits edits of one file.
pub(crate) struct GitRepository {
    directory: tempfile::TempDir,
    manifest: String,
}

impl GitRepository {
    /// Makes a repository whose first commit holds the files.
    pub(crate) fn of(files: &Files) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let work = directory.path();
        run(git(work).args(["init", "-q", "-b", "main", "."]))?;
        for (path, content) in files {
            let target = work.join(path.as_str());
            if let Some(parent) = target.parent() {
                fs_err::create_dir_all(parent)?;
            }
            fs_err::write(target, content)?;
        }
        run(git(work).args(["add", "-A"]))?;
        run(git(work).args(["commit", "-q", "-m", "first"]))?;
        let manifest = fs_err::read_to_string(work.join("workspace.yaml"))?;
        Ok(Self { directory, manifest })
    }

    /// Edits `workspace.yaml` and commits it as durably as a PATCH is.
    pub(crate) fn commit_edit(&self, number: usize) -> Result<()> {
        let work = self.directory.path();
        fs_err::write(work.join("workspace.yaml"), format!("{}# edit {number}\n", self.manifest))?;
        run(git(work).args(["-c", "core.fsync=all", "add", "workspace.yaml"]))?;
        run(git(work).args(["-c", "core.fsync=all", "-c", "gc.auto=0", "commit", "-q", "-m", "edit"]))
    }
}
