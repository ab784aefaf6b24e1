//! Plans of uploads, as people read them.

use std::fmt::Write as _;

use bytes::Bytes;

use super::*;
use crate::merge::MergeMode;
use crate::merge::tests::bundle::Bundle;
use crate::merge::tests::corpus;
use crate::path::RepoPath;
use crate::tree::Edit;
use crate::upload::tests::Site;

impl Site {
    fn plan(&self, files: Vec<(RepoPath, Bytes)>) -> UploadPlan {
        self.plan_within(files, &PlanLimits::default())
    }

    fn plan_within(&self, files: Vec<(RepoPath, Bytes)>, limits: &PlanLimits) -> UploadPlan {
        plan_upload(&self.repository, &self.facts, self.request(files), limits).unwrap()
    }
}

/// Writes a plan as one reads it, but for the diffs.
fn outline(plan: &UploadPlan) -> String {
    let mut text = String::new();
    for slx in &plan.slxs {
        let from = slx.uploaded_name.as_ref().map_or_else(String::new, |name| format!(" from {name}"));
        writeln!(text, "{:?} {}{from} {}", slx.action, slx.name, slx.reason.unwrap_or("-")).unwrap();
    }
    for file in &plan.files {
        let lines = file.lines_added.zip(file.lines_removed);
        let lines = lines.map_or_else(|| "?".to_owned(), |(added, removed)| format!("+{added} -{removed}"));
        write!(text, "{:?} {} {lines}", file.action, file.path).unwrap();
        if let Some(why) = file.diff_omitted {
            write!(text, " {why:?}").unwrap();
        }
        text.push('\n');
    }
    text
}

fn diff_of(plan: &UploadPlan, path: &str) -> String {
    plan.files.iter().find(|file| file.path == path).unwrap().diff.clone().unwrap()
}

/// A workspace where people did what people do between two uploads.
fn lived_in() -> (Site, Bundle) {
    let site = Site::new("demo");
    let first = Bundle::at("east").slxs(&["cart", "db", "gone", "mine", "old", "web"]);
    site.upload(first.files()).unwrap();
    // `db` is renamed to `store`, `gone` deleted, `mine` edited.
    let renamed = |path: &str| first.files[path].replace("demo--db", "demo--store");
    site.edit("slxs/store/slx.yaml", &renamed("slxs/db/slx.yaml"));
    site.edit("slxs/store/runbook.yaml", &renamed("slxs/db/runbook.yaml"));
    for path in ["slxs/db/slx.yaml", "slxs/db/runbook.yaml", "slxs/gone/slx.yaml", "slxs/gone/runbook.yaml"] {
        site.change(&[(RepoPath::parse(path).unwrap(), Edit::Remove)].into());
    }
    site.edit("slxs/mine/runbook.yaml", &first.files["slxs/mine/runbook.yaml"].replace("v1", "by hand"));
    let second = Bundle::at("east").slxs(&["cart", "db", "gone", "new"]).slx_as("web", "web", "v2");
    (site, second)
}

#[test]
fn a_plan_says_what_happens_to_every_slx_and_why() {
    let (site, bundle) = lived_in();
    let plan = site.plan(bundle.files());
    insta::assert_snapshot!(outline(&plan), @r"
    Tombstoned gone deleted_by_people
    Kept mine edited
    Added new -
    Pruned old not_uploaded
    Renamed store from db renamed_by_people
    Changed web -
    Modified .workspace-builder-manifest.yaml +6 -6
    Added slxs/new/runbook.yaml +12 -0
    Added slxs/new/slx.yaml +13 -0
    Removed slxs/old/runbook.yaml +0 -12
    Removed slxs/old/slx.yaml +0 -13
    Modified slxs/web/runbook.yaml +1 -1
    Modified slxs/web/slx.yaml +1 -1
    Modified workspace.yaml +2 -3
    ");
    assert!(plan.changes && plan.refusal.is_none());
    insta::assert_snapshot!(diff_of(&plan, "slxs/web/runbook.yaml"), @r"
    diff --git a/slxs/web/runbook.yaml b/slxs/web/runbook.yaml
    --- a/slxs/web/runbook.yaml
    +++ b/slxs/web/runbook.yaml
    @@ -9,4 +9,4 @@
         fullSlxName: web
         internal.runwhen.com/generated-by: workspace-builder:east
     spec:
    -  location: v1
    +  location: v2
    ");
    insta::assert_snapshot!(diff_of(&plan, "workspace.yaml"), @r"
    diff --git a/workspace.yaml b/workspace.yaml
    --- a/workspace.yaml
    +++ b/workspace.yaml
    @@ -12,8 +12,7 @@
       - name: Group
         slxs:
         - cart
    -    - db
    -    - gone
         - mine
    -    - old
    +    - new
    +    - store
         - web
    ");
    insta::assert_json_snapshot!(plan.counts, @r#"
    {
      "added": 1,
      "changed": 1,
      "kept": 1,
      "renamed": 1,
      "tombstoned": 1,
      "pruned": 1,
      "conflict": 0,
      "unchanged": 1,
      "filesAdded": 2,
      "filesModified": 4,
      "filesRemoved": 2,
      "slxsOmitted": 0,
      "filesOmitted": 0,
      "diffsOmitted": 0
    }
    "#);
}

#[test]
fn what_keeps_existing_files_says_so() {
    let (site, bundle) = lived_in();
    let mut request = site.request(bundle.files());
    request.options.mode = MergeMode::KeepExisting;
    request.options.prune_stale_slxs = false;
    let plan = plan_upload(&site.repository, &site.facts, request, &PlanLimits::default()).unwrap();
    insta::assert_snapshot!(outline(&plan), @r"
    Tombstoned gone deleted_by_people
    Added new -
    Renamed store from db renamed_by_people
    Kept web keep_existing
    Modified .workspace-builder-manifest.yaml +6 -4
    Added slxs/new/runbook.yaml +12 -0
    Added slxs/new/slx.yaml +13 -0
    Modified workspace.yaml +2 -2
    ");
}

#[test]
fn nothing_to_do_is_a_plan_too() {
    let site = Site::new("demo");
    let bundle = Bundle::at("east").slxs(&["a", "b"]);
    site.upload(bundle.files()).unwrap();
    let plan = site.plan(bundle.files());
    let head = site.repository.snapshot(site.head()).unwrap();
    assert_eq!((plan.changes, plan.tree, plan.base), (false, head.tree_id(), Some(site.head())));
    assert_eq!((plan.slxs.len(), plan.files.len(), plan.counts.unchanged), (0, 0, 2));
}

#[test]
fn a_prune_that_the_guard_refuses_is_shown_with_its_refusal() {
    let site = Site::new("demo");
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    site.upload(Bundle::at("east").slxs(&names).files()).unwrap();
    let plan = site.plan(Bundle::at("east").slx("a").files());
    assert_eq!((plan.counts.pruned, plan.counts.files_removed), (6, 12));
    insta::assert_snapshot!(plan.refusal.unwrap(), @r#"the upload would prune 6 of the 7 SLXs of location "east", more than half: check that the builder saw everything, then send allowMassPrune=true or set spec.uploads.allowMassPrune: true in workspace.yaml"#);
    // Whoever insists gets that very tree.
    let mut insisting = site.request(Bundle::at("east").slx("a").files());
    insisting.options.allow_mass_prune = true;
    let done = super::super::apply_upload(&site.repository, &site.facts, insisting).unwrap();
    assert_eq!(site.repository.snapshot(done.commit).unwrap().tree_id(), plan.tree);
}

#[test]
fn conflicts_that_are_to_refuse_the_upload_are_shown_with_their_refusal() {
    let site = Site::new("demo");
    let bundle = Bundle::at("east").slx("a");
    site.upload(bundle.files()).unwrap();
    site.edit("slxs/a/runbook.yaml", &bundle.files["slxs/a/runbook.yaml"].replace("v1", "by hand"));
    let mut request = site.request(Bundle::at("east").slx_as("a", "a", "v2").files());
    (request.options.mode, request.options.conflict) = (MergeMode::ThreeWay, Conflict::Fail);
    let plan = plan_upload(&site.repository, &site.facts, request, &PlanLimits::default()).unwrap();
    insta::assert_snapshot!(plan.refusal.as_ref().unwrap(), @"people and the builder changed 1 field in different ways, the first is `slxs/a/runbook.yaml` /spec/location [both_changed]: settle them in the repository, or send conflict=existing or conflict=uploaded");
    insta::assert_snapshot!(outline(&plan), @r"
    Changed a -
    Modified slxs/a/slx.yaml +1 -1
    ");
    assert_eq!((plan.counts.conflict, plan.summary.conflicts.len()), (0, 1));
}

#[test]
fn what_an_upload_refuses_its_plan_refuses() {
    let site = Site::new("demo");
    let plan = |bundle: Bundle| {
        plan_upload(&site.repository, &site.facts, site.request(bundle.files()), &PlanLimits::default())
    };
    assert!(matches!(plan(Bundle::at("east")), Err(UploadError::EmptyBundle)));
    let broken = Bundle::at("east").slx("a").file("slxs/a/sli.yaml", "kind: [");
    assert!(matches!(plan(broken), Err(UploadError::Invalid(_))));
}

#[test]
fn what_is_left_out_is_counted_and_marked() {
    let site = Site::new("demo");
    let bundle = Bundle::at("east").slxs(&["a", "b", "c"]).file("notes/long.txt", &"line\n".repeat(20_000));
    let mut files = bundle.files();
    files.push((RepoPath::parse("notes/picture").unwrap(), Bytes::from_static(b"\x89PNG\0\0")));
    files.push((RepoPath::parse("notes/latin1").unwrap(), Bytes::from_static(b"caf\xe9\n")));
    let plan = site.plan(files.clone());
    insta::assert_snapshot!(outline(&plan), @r"
    Added a -
    Added b -
    Added c -
    Added .workspace-builder-manifest.yaml +10 -0
    Added notes/latin1 ? Binary
    Added notes/long.txt +20000 -0 TooLarge
    Added notes/picture ? Binary
    Added slxs/a/runbook.yaml +12 -0
    Added slxs/a/slx.yaml +13 -0
    Added slxs/b/runbook.yaml +12 -0
    Added slxs/b/slx.yaml +13 -0
    Added slxs/c/runbook.yaml +12 -0
    Added slxs/c/slx.yaml +13 -0
    Modified workspace.yaml +6 -0
    ");
    assert_eq!(plan.counts.diffs_omitted, 3);

    let few = PlanLimits { max_slxs: 1, max_files: 5, max_diffs: 2, ..PlanLimits::default() };
    let plan = site.plan_within(files.clone(), &few);
    insta::assert_snapshot!(outline(&plan), @r"
    Added a -
    Added notes/latin1 ? Binary
    Added notes/long.txt +20000 -0 TooLarge
    Added notes/picture ? Binary
    Added slxs/a/runbook.yaml +12 -0
    Modified workspace.yaml +6 -0
    ");
    let counts = &plan.counts;
    assert_eq!((counts.slxs_omitted, counts.files_omitted), (2, 6));

    let small = PlanLimits { max_total_bytes: 700, ..PlanLimits::default() };
    let total: usize = site
        .plan_within(files.clone(), &small)
        .files
        .iter()
        .filter_map(|file| file.diff.as_ref())
        .map(String::len)
        .sum();
    assert!((1..=700).contains(&total), "{total}");

    let blind = PlanLimits { shows_contents: false, ..PlanLimits::default() };
    let plan = site.plan_within(files, &blind);
    assert!(plan.files.iter().all(|file| file.diff.is_none()
        && file.lines_added.is_none()
        && file.diff_omitted == Some(DiffOmission::NotReadable)));
}

#[test]
fn a_real_bundle_is_planned_to_the_byte() {
    let (Some(first), Some(second)) = (corpus::bundle("medium-v1"), corpus::bundle("medium-v2")) else {
        return;
    };
    let site = Site::new("my-workspace");
    for files in [first, second] {
        let plan = site.plan(files.clone());
        let done = site.upload(files).unwrap();
        let tree = site.repository.snapshot(done.commit).unwrap();
        assert_eq!(tree.tree_id(), plan.tree);
        assert_eq!(plan.counts.files_added + plan.counts.files_modified, done.summary.counts.files_written);
    }
}
