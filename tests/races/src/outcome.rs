//! What became of the writes.

use std::collections::BTreeMap;
use std::time::Duration;

/// How a write came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Door {
    /// A patch of a file over the API.
    Api,
    /// An uploaded bundle.
    Upload,
    /// `git push`.
    Push,
}

/// A write that the server said yes to.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// How it came in.
    pub door: Door,
    /// The commit that it named.
    pub commit: String,
    /// The file that this writer alone writes.
    pub path: String,
    /// A text that the file has as of that commit, until this writer changes it.
    pub text: String,
}

/// All that became of a race.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In the order of each writer.
    pub acknowledged: Vec<Acknowledged>,
    /// How often each refusal came that asks to try again.
    pub refused: BTreeMap<(Door, String), usize>,
    /// Refusals that nobody could act on, as they were told.
    pub unclean: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Outcome {
    /// Returns how many writes of a door were acknowledged.
    #[must_use]
    pub fn count(&self, door: Door) -> usize {
        self.acknowledged.iter().filter(|write| write.door == door).count()
    }

    /// Returns the last acknowledged text of each file.
    #[must_use]
    pub fn standing(&self) -> BTreeMap<&str, &str> {
        self.acknowledged.iter().map(|write| (write.path.as_str(), write.text.as_str())).collect()
    }

    pub(crate) fn refuse(&mut self, door: Door, word: &str) {
        *self.refused.entry((door, word.to_owned())).or_default() += 1;
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        for (word, count) in other.refused {
            *self.refused.entry(word).or_default() += count;
        }
        self.unclean.extend(other.unclean);
    }
}
