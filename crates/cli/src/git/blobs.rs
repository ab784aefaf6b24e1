//! Contents by id, from one `git cat-file` that stays.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use workstead_core::oid::BlobId;
use workstead_core::tree::ReadError;

use super::WorkTree;

/// Reads blobs; the program is started by the first that is asked for.
#[derive(Debug)]
pub(super) struct Blobs {
    git: WorkTree,
    reader: Mutex<Option<Reader>>,
}

#[derive(Debug)]
struct Reader {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Blobs {
    pub(super) fn new(git: WorkTree) -> Self {
        Self { git, reader: Mutex::default() }
    }

    /// Reads one blob.
    pub(super) fn read(&self, id: BlobId) -> Result<Bytes, ReadError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let read = match reader.as_mut() {
            Some(reader) => reader.read(id),
            None => self.start().and_then(|started| reader.insert(started).read(id)),
        };
        read.map_err(|error| {
            // Whatever it would say next is no answer to what is asked next.
            if let Some(reader) = reader.take() {
                reader.end();
            }
            ReadError { id, source: error.into() }
        })
    }

    fn start(&self) -> io::Result<Reader> {
        // Nobody reads what it complains of, and a full pipe would stop it.
        let mut child =
            self.git.command(&["cat-file", "--batch"]).stderr(std::process::Stdio::null()).spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Reader { child, stdin, stdout: BufReader::new(stdout) }),
            _ => Err(io::Error::other("`git cat-file` has no pipes")),
        }
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        let reader = self.reader.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = reader.take() {
            reader.end();
        }
    }
}

impl Reader {
    fn read(&mut self, id: BlobId) -> io::Result<Bytes> {
        writeln!(self.stdin, "{id}")?;
        self.stdin.flush()?;
        let mut header = String::new();
        self.stdout.read_line(&mut header)?;
        // `<id> blob <size>`, or `<id> missing`.
        let size = header.trim_end().strip_prefix(&format!("{id} blob ")).and_then(|size| size.parse().ok());
        let Some(size) = size else {
            return Err(io::Error::other(format!("`git cat-file` says {:?}", header.trim_end())));
        };
        let mut content = vec![0; size];
        self.stdout.read_exact(&mut content)?;
        let mut newline = [0];
        self.stdout.read_exact(&mut newline)?;
        Ok(content.into())
    }

    fn end(mut self) {
        drop(self.stdin);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
