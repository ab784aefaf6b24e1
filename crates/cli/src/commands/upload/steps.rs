//! Doing a step until it succeeds, or until there is no sense in it.

use super::send::Upload;
use crate::client::ClientError;
use crate::client::retry::{Attempts, Next, seconds};

impl<'a> Upload<'a> {
    /// Begins the attempts at a step.
    pub(super) fn attempts(&self) -> Attempts<'a> {
        Attempts::new(self.manner.patience, self.manner.clock)
    }

    /// Does a step until it succeeds or its error does not pass.
    pub(super) fn retrying<T>(
        &self,
        mut step: impl FnMut() -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let mut attempts = self.attempts();
        loop {
            match step() {
                Ok(done) => return Ok(done),
                Err(error) => self.pause(&mut attempts, error)?,
            }
        }
    }

    /// Waits before the next attempt, or returns the error when there is none.
    pub(super) fn pause(&self, attempts: &mut Attempts<'_>, error: ClientError) -> Result<(), ClientError> {
        let next = attempts.after(&error);
        self.follow(attempts, next, error)
    }

    /// Does what was decided about an error.
    pub(super) fn follow(
        &self,
        attempts: &Attempts<'_>,
        next: Next,
        error: ClientError,
    ) -> Result<(), ClientError> {
        match next {
            Next::Again(pause) => {
                let ((number, most), brief) = (attempts.count(), error.brief());
                let talk = &self.manner.talk;
                talk.say(&format!("{brief}; trying again in {} ({number} of {most})", seconds(pause)));
                self.effort.retries.set(self.effort.retries.get() + 1);
                self.manner.clock.sleep(pause);
                Ok(())
            }
            Next::Stop(Some(note)) => Err(error.noting(note)),
            Next::Stop(None) => Err(error),
        }
    }
}
