//! The two services of Git's smart protocol.

use crate::metrics::GitService;

/// What a client wants of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Reading: clone and fetch.
    UploadPack,
    /// Writing: push.
    ReceivePack,
}

impl Service {
    /// Reads the `service` word of `info/refs`; every other word, and none, is the dumb protocol's.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "git-upload-pack" => Some(Self::UploadPack),
            "git-receive-pack" => Some(Self::ReceivePack),
            _ => None,
        }
    }

    /// Returns the subcommand of `git`.
    pub(crate) fn subcommand(self) -> &'static str {
        match self {
            Self::UploadPack => "upload-pack",
            Self::ReceivePack => "receive-pack",
        }
    }

    /// Returns the word that it is counted under.
    pub(crate) fn measured(self) -> GitService {
        match self {
            Self::UploadPack => GitService::UploadPack,
            Self::ReceivePack => GitService::ReceivePack,
        }
    }

    /// Returns the media type of the list of references.
    pub(crate) fn advertisement_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-advertisement",
            Self::ReceivePack => "application/x-git-receive-pack-advertisement",
        }
    }

    /// Returns the media type that a request must have.
    pub(crate) fn request_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-request",
            Self::ReceivePack => "application/x-git-receive-pack-request",
        }
    }

    /// Returns the media type of the answer.
    pub(crate) fn result_type(self) -> &'static str {
        match self {
            Self::UploadPack => "application/x-git-upload-pack-result",
            Self::ReceivePack => "application/x-git-receive-pack-result",
        }
    }
}

/// The protocol that a client asked for in its `Git-Protocol` header (gitprotocol-v2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Protocol(Option<String>);

/// Longest header value that is passed on.
const MAX_PROTOCOL_BYTES: usize = 64;

impl Protocol {
    /// Reads the header; a value that is not `version=<digit>` with plain further keys counts as absent.
    pub(crate) fn parse(header: &str) -> Self {
        let plain = |key: &str| {
            !key.is_empty()
                && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'-' | b'.' | b'_'))
        };
        let is_version = |key: &str| {
            key.strip_prefix("version=").is_some_and(|v| v.len() == 1 && v.as_bytes()[0].is_ascii_digit())
        };
        let mut keys = header.split(':');
        let good =
            header.len() <= MAX_PROTOCOL_BYTES && keys.next().is_some_and(is_version) && keys.all(plain);
        Self(good.then(|| header.to_owned()))
    }

    /// Returns what the child's `GIT_PROTOCOL` shall be for a service.
    ///
    /// There is no push in version 2; `receive-pack` speaks version 0 when asked for it.
    pub(crate) fn for_service(&self, service: Service) -> Option<&str> {
        let text = self.0.as_deref()?;
        (service == Service::UploadPack || !self.is_version_2()).then_some(text)
    }

    /// Tells whether the list of references goes without its `# service=` line.
    pub(crate) fn is_bare_advertisement(&self, service: Service) -> bool {
        service == Service::UploadPack && self.is_version_2()
    }

    fn is_version_2(&self) -> bool {
        // Git takes the highest version that it knows, whichever order they come in.
        self.0.as_deref().is_some_and(|text| text.split(':').any(|key| key == "version=2"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_known_words_are_services() {
        assert_eq!(Service::parse("git-upload-pack"), Some(Service::UploadPack));
        assert_eq!(Service::parse("git-receive-pack"), Some(Service::ReceivePack));
        for other in ["", "upload-pack", "git-upload-archive", "git-upload-pack ", "git-upload-pack\0"] {
            assert_eq!(Service::parse(other), None, "{other:?}");
        }
    }

    #[test]
    fn the_protocol_header_is_passed_on_only_when_it_is_plain() {
        for good in ["version=0", "version=1", "version=2", "version=2:side-band-64k", "version=2:a=b"] {
            assert_eq!(Protocol::parse(good).for_service(Service::UploadPack), Some(good));
        }
        for bad in [
            "",
            "version=",
            "version=22",
            "version=x",
            "a:version=2",
            "version=2:",
            "version=2;ls",
            "version=2:$(x)",
        ] {
            assert_eq!(Protocol::parse(bad), Protocol::default(), "{bad:?}");
        }
        assert_eq!(Protocol::parse(&format!("version=2:{}", "a".repeat(64))), Protocol::default());
    }

    #[test]
    fn a_push_never_speaks_version_2() {
        let asked = Protocol::parse("version=2");
        assert_eq!(asked.for_service(Service::ReceivePack), None);
        assert!(asked.is_bare_advertisement(Service::UploadPack));
        assert!(!asked.is_bare_advertisement(Service::ReceivePack));
        let both = Protocol::parse("version=1:version=2");
        assert!(both.is_bare_advertisement(Service::UploadPack));
        assert_eq!(Protocol::parse("version=1").for_service(Service::ReceivePack), Some("version=1"));
    }
}
