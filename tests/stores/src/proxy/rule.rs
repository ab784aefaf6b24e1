//! What a proxy does with the bytes.

use std::num::NonZeroU64;
use std::time::Duration;

/// What a proxy does; counts and delays begin anew, for every connection, when the rule is set.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub(crate) refuses: bool,
    pub(crate) swallows: bool,
    pub(crate) to_store: Flow,
    pub(crate) to_client: Flow,
    pub(crate) cuts_left: Option<u64>,
}

/// What happens to the bytes of one direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    pub(crate) cut_after: Option<u64>,
    pub(crate) hold_after: Option<u64>,
    pub(crate) delay: Duration,
    pub(crate) bytes_per_second: Option<NonZeroU64>,
}

impl Rule {
    /// Passes everything.
    pub fn pass() -> Self {
        Self::default()
    }

    /// Refuses connections, as a dead store does, and ends the open ones.
    pub fn refuse() -> Self {
        Self { refuses: true, ..Self::default() }
    }

    /// Accepts everything and answers nothing; connections that lost bytes so stay lost.
    pub fn black_hole() -> Self {
        Self { swallows: true, ..Self::default() }
    }

    /// Ends a connection after so many bytes of it to the store.
    #[must_use]
    pub fn cut_to_store(mut self, bytes: u64) -> Self {
        self.to_store.cut_after = Some(bytes);
        self
    }

    /// Ends a connection after so many bytes of it to the client.
    #[must_use]
    pub fn cut_to_client(mut self, bytes: u64) -> Self {
        self.to_client.cut_after = Some(bytes);
        self
    }

    /// Cuts only so many times, and passes everything afterwards.
    #[must_use]
    pub fn times(mut self, cuts: u64) -> Self {
        self.cuts_left = Some(cuts);
        self
    }

    /// Holds a connection after so many bytes of it to the store, until another rule is set.
    #[must_use]
    pub fn hold_to_store(mut self, bytes: u64) -> Self {
        self.to_store.hold_after = Some(bytes);
        self
    }

    /// Holds a connection after so many bytes of it to the client, until another rule is set.
    #[must_use]
    pub fn hold_to_client(mut self, bytes: u64) -> Self {
        self.to_client.hold_after = Some(bytes);
        self
    }

    /// Waits before the first bytes of each direction of a connection.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.to_store.delay = delay;
        self.to_client.delay = delay;
        self
    }

    /// Lets no more bytes through in a second, in each direction of a connection.
    ///
    /// # Panics
    ///
    /// For no bytes at all: hold the connection instead.
    #[must_use]
    pub fn bytes_per_second(mut self, bytes: u64) -> Self {
        let bytes = NonZeroU64::new(bytes).expect("some bytes pass in a second");
        self.to_store.bytes_per_second = Some(bytes);
        self.to_client.bytes_per_second = Some(bytes);
        self
    }
}
