//! Reading what `strace` wrote: which files were synced, renamed, and made findable again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const CALLS: &str = "trace=fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat,\
                     write,writev,sendto,sendmsg";

/// A trace that is being written.
pub(super) struct Trace {
    directory: TempDir,
}

impl Trace {
    pub(super) fn new(directory: TempDir) -> Self {
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("trace")
    }

    /// Returns the program to run the server under; `-D` keeps the server the test's own child.
    pub(super) fn command(&self) -> Vec<String> {
        let path = self.path().display().to_string();
        ["strace", "-D", "-f", "-y", "-s", "2000", "-e", CALLS, "-o", &path].map(str::to_owned).into()
    }

    /// Returns what had happened when the answer that holds the mark began to be sent.
    ///
    /// Relative names are of `git`, which works inside the repository.
    pub(super) fn before_answer(&self, mark: &str, repository: &Path) -> Happened {
        let text = self.finished();
        let happened = Happened { directory: repository.to_owned(), ..Happened::default() };
        happened.until(&text, mark)
    }

    /// Reads the trace once its writer has ended.
    fn finished(&self) -> String {
        let since = Instant::now();
        loop {
            let text = fs_err::read(self.path()).unwrap();
            let text = String::from_utf8_lossy(&text);
            if text.trim_end().ends_with("+++ exited with 0 +++") {
                return text.into_owned();
            }
            assert!(since.elapsed() < Duration::from_secs(30), "the trace does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What processes did to files.
#[derive(Default)]
pub(super) struct Happened {
    directory: PathBuf,
    /// Files whose content was synced, under the name that they have now.
    synced: BTreeSet<PathBuf>,
    /// Names that were given by renaming or linking, and whether their directory was synced since.
    named: BTreeMap<PathBuf, bool>,
    calls: Vec<String>,
}

impl Happened {
    /// Follows a trace to the call that sends the mark over a socket.
    fn until(mut self, text: &str, mark: &str) -> Self {
        let mut unfinished = BTreeMap::new();
        for line in text.lines() {
            let (pid, call) = line.split_once(' ').unwrap();
            let call = call.trim_start();
            if call.contains("<socket:") && call.contains(mark) {
                return self;
            }
            if let Some(begin) = call.strip_suffix(" <unfinished ...>") {
                unfinished.insert(pid.to_owned(), begin.to_owned());
            } else if let Some((_, end)) = call.split_once(" resumed>") {
                let begin = unfinished.remove(pid).unwrap_or_default();
                self.add(&format!("{begin}{end}"));
            } else {
                self.add(call);
            }
        }
        panic!("the trace has no answer {mark}:\n{self}");
    }

    fn add(&mut self, call: &str) {
        let Some((name, arguments)) = call.split_once('(') else { return };
        if !call.trim_end().ends_with("= 0") {
            return;
        }
        match name {
            "fsync" | "fdatasync" => {
                let path = arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                self.sync(Path::new(path.unwrap().0));
            }
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                let names: Vec<PathBuf> =
                    arguments.split('"').skip(1).step_by(2).map(|name| self.resolve(name)).collect();
                let [from, to] = names.as_slice() else { panic!("{call}") };
                if self.synced.contains(from) {
                    self.synced.insert(to.clone());
                }
                if name.starts_with("rename") {
                    self.forget(from);
                }
                self.named.insert(to.clone(), false);
            }
            "unlink" | "unlinkat" => {
                let gone = self.resolve(arguments.split('"').nth(1).unwrap());
                self.forget(&gone);
            }
            _ => return,
        }
        self.calls.push(call.to_owned());
    }

    fn resolve(&self, name: &str) -> PathBuf {
        // Joining an absolute name gives just that name; collecting drops `.` in the middle.
        self.directory.join(name).components().collect()
    }

    fn forget(&mut self, name: &Path) {
        self.synced.remove(name);
        self.named.remove(name);
    }

    fn sync(&mut self, path: &Path) {
        self.synced.insert(path.to_owned());
        for (name, findable) in &mut self.named {
            *findable |= name.parent() == Some(path);
        }
    }

    fn is_durable(&self, name: &Path, findable: bool) -> bool {
        findable && self.synced.contains(name)
    }

    /// Tells whether a file below the directory whose path ends so is on the disk, content and name.
    pub(super) fn durable(&self, below: &Path, end: &str) -> bool {
        self.named.iter().any(|(name, findable)| {
            name.starts_with(below)
                && name.to_str().is_some_and(|name| name.ends_with(end))
                && self.is_durable(name, *findable)
        })
    }

    /// Tells whether anything below the directory is on the disk, content and name.
    pub(super) fn durable_below(&self, below: &Path) -> bool {
        self.durable(below, "")
    }

    /// Tells whether this very file or directory was synced.
    pub(super) fn synced(&self, path: &Path) -> bool {
        self.synced.contains(path)
    }

    /// Returns what was named below the directory and would be lost or torn by a power cut.
    pub(super) fn loose_ends(&self, below: &Path) -> Vec<&Path> {
        let named = self.named.iter().filter(|(name, _)| name.starts_with(below));
        named
            .filter(|(name, findable)| !self.is_durable(name, **findable))
            .map(|(name, _)| name.as_path())
            .collect()
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.calls.iter().try_for_each(|call| writeln!(out, "  {call}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACK: &str = r#"7 fsync(5</r/objects/tmp.pack>) = 0
7 rename("/r/objects/tmp.pack", "./objects/pack/1.pack") = 0
"#;

    fn happened(more: &str) -> Happened {
        let text = format!("{PACK}{more}8 write(9<socket:[1]>, \"mark\", 4) = 4\n7 fsync(6</r/late>) = 0\n");
        Happened { directory: PathBuf::from("/r"), ..Happened::default() }.until(&text, "mark")
    }

    #[test]
    fn a_name_is_durable_when_its_content_and_then_its_directory_were_synced() {
        let good = happened("7 fsync(6</r/objects/pack> <unfinished ...>\n7 <... fsync resumed>) = 0\n");
        assert!(good.durable(Path::new("/r"), ".pack") && good.loose_ends(Path::new("/r")).is_empty());
        let unfinished = happened("7 fsync(6</r/objects/pack> <unfinished ...>\n");
        assert_eq!(unfinished.loose_ends(Path::new("/r")), [Path::new("/r/objects/pack/1.pack")]);
        let failed = happened("7 fsync(6</r/objects/pack>) = -1 EIO (Input/output error)\n");
        assert!(!failed.durable(Path::new("/r"), ".pack"));
        let renamed_after =
            happened("7 fsync(6</r/refs>) = 0\n7 rename(\"/r/refs/x.lock\", \"/r/refs/x\") = 0\n");
        assert_eq!(renamed_after.loose_ends(Path::new("/r/refs")), [Path::new("/r/refs/x")]);
    }

    #[test]
    fn what_is_gone_is_no_loose_end() {
        let gone = happened("7 unlink(\"./objects/pack/1.pack\") = 0\n");
        assert!(gone.loose_ends(Path::new("/r")).is_empty() && !gone.durable(Path::new("/r"), ""));
    }
}
