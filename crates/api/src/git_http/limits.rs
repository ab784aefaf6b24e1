//! What one exchange with a Git client may take.

use std::time::Duration;

/// Limits of the Git transport.
#[derive(Debug, Clone)]
pub struct GitLimits {
    /// Most `git` processes at once.
    pub max_processes: usize,
    /// How long a request waits for a free process before it is told to come back.
    pub queue_time: Duration,
    /// Longest life of one `git` process.
    pub max_time: Duration,
    /// Longest silence of a client that is sending or should be reading.
    pub max_idle: Duration,
    /// Most bytes of a fetch's request, unpacked.
    pub max_fetch_request_bytes: u64,
    /// Most bytes of a pushed pack.
    pub max_push_bytes: u64,
    /// Most bytes of all files that a push changes, unpacked.
    pub max_unpacked_bytes: u64,
    /// Most bytes of one pushed file.
    pub max_file_bytes: u64,
}

impl Default for GitLimits {
    fn default() -> Self {
        Self {
            max_processes: 32,
            queue_time: Duration::from_secs(30),
            max_time: Duration::from_mins(30),
            max_idle: Duration::from_mins(2),
            max_fetch_request_bytes: 32 << 20,
            max_push_bytes: 256 << 20,
            max_unpacked_bytes: 1 << 30,
            max_file_bytes: 16 << 20,
        }
    }
}
