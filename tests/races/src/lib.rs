//! Many writers at once, through all doors of one workspace.
//!
//! Each writer has content of its own, which it changes again and again, and remembers what the server acknowledged: the
//! commit, and what must stand there as long as nobody else writes it. What is refused must be refused cleanly, so that
//! trying again is right. The test asks whether all of it is true; the benchmark asks how much of it there was.

mod api;
mod outcome;
mod push;
mod upload;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

pub use outcome::{Acknowledged, Door, Outcome};

/// Who races where.
#[derive(Debug, Clone)]
pub struct Race {
    /// The server's address, without a slash at the end.
    pub url: String,
    /// Where developers clone from and push to.
    pub git_url: String,
    /// A token that may write.
    pub token: String,
    /// The workspace, which exists.
    pub workspace: String,
    /// An empty directory for clones.
    pub scratch: PathBuf,
    /// How long writers begin new writes.
    pub time: Duration,
    /// Developers, each with a clone.
    pub pushers: usize,
    /// Clients that patch a file of an SLX.
    pub patchers: usize,
    /// Pipelines, each with a location.
    pub uploaders: usize,
}

/// One writer; what it does next, and what became of it.
trait Writer: Send {
    /// Tries to write the next content.
    fn write(&mut self, number: usize, outcome: &mut Outcome) -> Result<()>;
}

/// Races to the end and says what became of every write.
///
/// # Errors
///
/// When a writer can't go on: no server, no `git`, no room on the disk. A refusal is none.
pub fn race(race: &Race) -> Result<Outcome> {
    let mut writers: Vec<Box<dyn Writer>> = Vec::new();
    for number in 0..race.patchers {
        writers.push(Box::new(api::Patcher::new(race, number)?));
    }
    for number in 0..race.uploaders {
        writers.push(Box::new(upload::Uploader::new(race, number)));
    }
    // Last: they clone what the others have prepared.
    for number in 0..race.pushers {
        writers.push(Box::new(push::Pusher::new(race, number)?));
    }
    let begun = Instant::now();
    let ends = begun + race.time;
    let run = |mut writer: Box<dyn Writer>| {
        let mut outcome = Outcome::default();
        let mut number = 0;
        while Instant::now() < ends {
            number += 1;
            writer.write(number, &mut outcome)?;
        }
        Ok::<_, anyhow::Error>(outcome)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = writers.into_iter().map(|writer| scope.spawn(move || run(writer))).collect();
        let mut all = Outcome::default();
        for thread in threads {
            all.join(thread.join().map_err(|_| anyhow!("a writer panicked"))??);
        }
        all.elapsed = begun.elapsed();
        Ok(all)
    })
}
