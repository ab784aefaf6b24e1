//! The command line and environment of every `git` that the server runs for a client.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::limits::GitLimits;
use super::service::{Protocol, Service};

/// Name of the variable that carries a push's ticket to its hook.
pub(super) const TICKET_VARIABLE: &str = "PUSH_CHECK_TICKET";

/// Settings of both services.
///
/// They stand on the command line because the repository's own files are not asked for anything:
/// no garbage collection behind our back, references of ours hidden, no attributes (the empty
/// tree has none), and the two filters that cost no more than a clone does.
const SETTINGS: &[&str] = &[
    "gc.auto=0",
    "transfer.hideRefs=refs/workstead",
    "core.attributesFile=/dev/null",
    "attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "core.bigFileThreshold=32m",
    "pack.windowMemory=128m",
];
/// Settings of `upload-pack`.
const UPLOAD_SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "uploadpack.allowFilter=true",
    "uploadpackfilter.allow=false",
    "uploadpackfilter.blob:none.allow=true",
    "uploadpackfilter.tree.allow=true",
];
/// Settings of `receive-pack`: one durable pack per push, checked.
///
/// Whether a reference may go back or away is for the push check to say: these settings can't tell
/// the default branch from others, but for a second lock on its deletion.
const RECEIVE_SETTINGS: &[&str] = &[
    "core.fsync=all",
    "receive.autogc=false",
    "receive.fsckObjects=true",
    "receive.unpackLimit=1",
    "receive.denyDeleteCurrent=refuse",
    "receive.advertisePushOptions=true",
];

/// What a push needs more than a fetch.
#[derive(Clone)]
pub(super) struct PushContext {
    /// The directory that holds our `pre-receive` and nothing else.
    pub(super) hooks: OsString,
    /// The secret by which the hook names this push.
    pub(super) ticket: Option<String>,
}

impl std::fmt::Debug for PushContext {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whoever has the ticket may have the push judged.
        formatter.debug_struct("PushContext").field("hooks", &self.hooks).finish_non_exhaustive()
    }
}

/// What shall be run.
#[derive(Debug)]
pub(super) struct Invocation<'a> {
    /// The service.
    pub(super) service: Service,
    /// The bare repository; never made from anything that a client sent.
    pub(super) directory: &'a Path,
    /// Whether only the list of references is wanted.
    pub(super) advertise: bool,
    /// The protocol asked for.
    pub(super) protocol: &'a Protocol,
    /// Set for `receive-pack`.
    pub(super) push: Option<&'a PushContext>,
}

/// Builds the command with an environment of its own: nothing of the server's passes but `PATH`.
pub(super) fn build(invocation: &Invocation<'_>, limits: &GitLimits) -> Command {
    let mut command = Command::new("git");
    command.args(arguments(invocation, limits));
    command.env_clear().envs(environment(invocation));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own: signals reach pack-objects and index-pack too, and Ctrl-C in the
    // server's terminal does not reach a push that is being finished.
    command.process_group(0).kill_on_drop(true);
    command
}

fn arguments(invocation: &Invocation<'_>, limits: &GitLimits) -> Vec<OsString> {
    let mut settings = vec![joined("safe.directory=", invocation.directory.as_os_str())];
    settings.extend(SETTINGS.iter().map(OsString::from));
    match invocation.service {
        Service::UploadPack => settings.extend(UPLOAD_SETTINGS.iter().map(OsString::from)),
        Service::ReceivePack => {
            settings.extend(RECEIVE_SETTINGS.iter().map(OsString::from));
            settings.push(format!("receive.maxInputSize={}", limits.max_push_bytes).into());
            let hooks = invocation.push.map_or(OsStr::new("/dev/null"), |push| &push.hooks);
            settings.push(joined("core.hooksPath=", hooks));
        }
    }
    let mut arguments: Vec<_> = settings.into_iter().flat_map(|setting| ["-c".into(), setting]).collect();
    arguments.push(invocation.service.subcommand().into());
    if invocation.service == Service::UploadPack {
        arguments.push("--strict".into());
    }
    arguments.push("--stateless-rpc".into());
    if invocation.advertise {
        // The name that every version of Git still in use knows; later ones call it
        // --http-backend-info-refs.
        arguments.push("--advertise-refs".into());
    }
    arguments.push(invocation.directory.into());
    arguments
}

fn environment(invocation: &Invocation<'_>) -> Vec<(&'static str, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut variables = vec![
        ("PATH", path),
        ("HOME", "/nonexistent".into()),
        ("LC_ALL", "C".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_ATTR_NOSYSTEM", "1".into()),
        ("GIT_ALLOW_PROTOCOL", "none".into()),
        ("GIT_NO_LAZY_FETCH", "1".into()),
        ("GIT_TERMINAL_PROMPT", "0".into()),
        ("GIT_COMMITTER_NAME", "workstead".into()),
        ("GIT_COMMITTER_EMAIL", "workstead@localhost".into()),
    ];
    if let Some(protocol) = invocation.protocol.for_service(invocation.service) {
        variables.push(("GIT_PROTOCOL", protocol.into()));
    }
    if let Some(ticket) = invocation.push.and_then(|push| push.ticket.as_ref()) {
        variables.push((TICKET_VARIABLE, ticket.into()));
    }
    variables
}

fn joined(start: &str, end: &OsStr) -> OsString {
    let mut text = OsString::from(start);
    text.push(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(invocation: &Invocation<'_>) -> String {
        let arguments = arguments(invocation, &GitLimits::default());
        let mut lines: Vec<_> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        lines.retain(|line| line != "-c");
        let variables = environment(invocation).into_iter().filter(|(name, _)| *name != "PATH");
        lines.extend(variables.map(|(name, value)| format!("{name}={}", value.to_string_lossy())));
        lines.join("\n")
    }

    #[test]
    fn a_fetch_runs_with_fixed_arguments_and_a_clean_environment() {
        let protocol = Protocol::parse("version=2");
        let directory = Path::new("/data/a b");
        let invocation = Invocation {
            service: Service::UploadPack,
            directory,
            advertise: true,
            protocol: &protocol,
            push: None,
        };
        insta::assert_snapshot!(described(&invocation), @r"
        safe.directory=/data/a b
        gc.auto=0
        transfer.hideRefs=refs/workstead
        core.attributesFile=/dev/null
        attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904
        core.bigFileThreshold=32m
        pack.windowMemory=128m
        core.hooksPath=/dev/null
        uploadpack.allowFilter=true
        uploadpackfilter.allow=false
        uploadpackfilter.blob:none.allow=true
        uploadpackfilter.tree.allow=true
        upload-pack
        --strict
        --stateless-rpc
        --advertise-refs
        /data/a b
        HOME=/nonexistent
        LC_ALL=C
        GIT_CONFIG_NOSYSTEM=1
        GIT_CONFIG_GLOBAL=/dev/null
        GIT_ATTR_NOSYSTEM=1
        GIT_ALLOW_PROTOCOL=none
        GIT_NO_LAZY_FETCH=1
        GIT_TERMINAL_PROMPT=0
        GIT_COMMITTER_NAME=workstead
        GIT_COMMITTER_EMAIL=workstead@localhost
        GIT_PROTOCOL=version=2
        ");
    }

    #[test]
    fn a_push_is_checked_durable_and_carries_its_ticket() {
        let protocol = Protocol::parse("version=2");
        let push = PushContext { hooks: "/data/hooks".into(), ticket: Some("00ff".to_owned()) };
        let invocation = Invocation {
            service: Service::ReceivePack,
            directory: Path::new("/data/x"),
            advertise: false,
            protocol: &protocol,
            push: Some(&push),
        };
        assert!(!format!("{invocation:?}").contains("00ff"), "the ticket is told to nobody");
        insta::assert_snapshot!(described(&invocation), @r"
        safe.directory=/data/x
        gc.auto=0
        transfer.hideRefs=refs/workstead
        core.attributesFile=/dev/null
        attr.tree=4b825dc642cb6eb9a060e54bf8d69288fbee4904
        core.bigFileThreshold=32m
        pack.windowMemory=128m
        core.fsync=all
        receive.autogc=false
        receive.fsckObjects=true
        receive.unpackLimit=1
        receive.denyDeleteCurrent=refuse
        receive.advertisePushOptions=true
        receive.maxInputSize=268435456
        core.hooksPath=/data/hooks
        receive-pack
        --stateless-rpc
        /data/x
        HOME=/nonexistent
        LC_ALL=C
        GIT_CONFIG_NOSYSTEM=1
        GIT_CONFIG_GLOBAL=/dev/null
        GIT_ATTR_NOSYSTEM=1
        GIT_ALLOW_PROTOCOL=none
        GIT_NO_LAZY_FETCH=1
        GIT_TERMINAL_PROMPT=0
        GIT_COMMITTER_NAME=workstead
        GIT_COMMITTER_EMAIL=workstead@localhost
        PUSH_CHECK_TICKET=00ff
        ");
    }
}
