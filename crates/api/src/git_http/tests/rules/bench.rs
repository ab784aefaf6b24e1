//! A host whose pushes are judged by the rules, beside a clone to push from.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use workstead_core::model::FactsCache;
use workstead_core::name::{BranchName, WorkspaceName};
use workstead_core::path::RepoPath;
use workstead_core::repository::{Author, FirstCommit, Repository, RepositoryId, RepositoryStore};
use workstead_core::role::Role;
use workstead_core::tree::{Edit, Edits};

use crate::git_http::limits::GitLimits;
use crate::git_http::push_check::rules::Rules;
use crate::git_http::tests::host::{Host, Said, commit, git};
use crate::settings::BranchPatterns;

pub(super) const WORKSPACE: &str = "apiVersion: runwhen.com/v1\nkind: Workspace\nmetadata:\n  name: demo\n";
pub(super) const PERMISSIONS: &str = "spec:\n  permissions:\n  - user: ann@example.com\n    role: admin\n";

pub(super) fn slx(name: &str, statement: &str) -> String {
    format!(
        "apiVersion: runwhen.com/v1\nkind: ServiceLevelX\nmetadata:\n  name: demo--{name}\n  labels:\n    \
         slx: demo--{name}\nspec:\n  alias: Web\n  statement: {statement}\n"
    )
}

/// A host whose pushes are judged by the rules, and a clone.
pub(super) struct Bench {
    pub(super) host: Host,
    pub(super) repository: Repository,
    pub(super) clone: PathBuf,
    pub(super) role: Arc<Mutex<Role>>,
    _store: RepositoryStore,
}

impl Bench {
    pub(super) async fn start() -> Self {
        let limits = GitLimits { max_file_bytes: 10_000, max_unpacked_bytes: 15_000, ..GitLimits::default() };
        let root = tempfile::tempdir().unwrap();
        let store = RepositoryStore::open(&root.path().join("data/repositories")).unwrap();
        let write = |path: &str, text: &str| {
            (RepoPath::parse(path).unwrap(), Edit::Write(Bytes::from(text.to_owned())))
        };
        let edits = Edits::from([
            write("workspace.yaml", &format!("{WORKSPACE}{PERMISSIONS}")),
            write("slxs/web/slx.yaml", &slx("web", "It should answer.")),
        ]);
        let first = FirstCommit {
            branch: BranchName::main(),
            edits,
            author: Author { name: "Ann".to_owned(), email: "ann@example.com".to_owned() },
            message: "Create".to_owned(),
            trailers: Vec::new(),
            when: jiff::Timestamp::UNIX_EPOCH,
        };
        let repository = store.create(&RepositoryId::parse("id-1").unwrap(), first).unwrap();
        let host = Host::serve(root, repository.directory().to_owned(), limits).await;
        let role = Arc::new(Mutex::new(Role::ReadWrite));
        let (judged, current, limits) = (repository.clone(), Arc::clone(&role), host.limits().clone());
        let facts = FactsCache::new();
        let protected = BranchPatterns::parse("release/*").unwrap();
        host.rule(move |request| {
            let rules = Rules {
                workspace: &WorkspaceName::parse("demo").unwrap(),
                repository: &judged,
                branch: &BranchName::main(),
                protected: &protected,
                role: *current.lock().unwrap(),
                facts: &facts,
                limits: &limits,
                check_permissions: &|change| {
                    let refusal = ("last_admin".to_owned(), "somebody must be admin".to_owned());
                    if change.after.is_empty() { Err(refusal) } else { Ok(()) }
                },
                follows: None,
                replaceable: None,
                brought: &std::cell::RefCell::default(),
            };
            rules.judge(request)
        });
        let clone = host.clone_to("clone", &[]).await;
        Self { host, repository, clone, role, _store: store }
    }

    pub(super) fn role(&self, role: Role) {
        *self.role.lock().unwrap() = role;
    }

    pub(super) async fn git(&self, arguments: &[&str]) -> Said {
        git(&self.clone, arguments).await
    }

    pub(super) async fn commit(&self, files: &[(&str, &str)]) {
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        commit(&self.clone, &files).await;
    }

    /// Pushes, and reads the references again as the routes do.
    pub(super) async fn push(&self, arguments: &[&str]) -> Said {
        let said = self.git(&[&["push", "origin"], arguments].concat()).await;
        self.repository.refresh().unwrap();
        said
    }

    /// Pushes what must be refused, and returns what the server said.
    pub(super) async fn refused(&self, arguments: &[&str]) -> String {
        let before = (self.host.object_files(), self.repository.branches().unwrap());
        let said = self.push(arguments).await;
        let remote = said.remote();
        assert!(!said.ok, "{}", said.stderr);
        let after = (self.host.object_files(), self.repository.branches().unwrap());
        assert!(before == after, "the refused push left something");
        remote
    }
}
