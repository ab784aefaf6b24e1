//! `workstead admin export`: one workspace as a file.

use std::io::Write;
use std::path::Path;

use fs_err as fs;

use super::archive::{BUNDLE, DESCRIPTION, Description, SlxId, Upload};
use super::{Admin, AdminError};
use crate::error::ApiError;
use crate::store::slx_ids as store;
use crate::store::uploads::{UploadFilter, UploadRow, UploadState};
use crate::workspace::{self, Workspace};

/// How many uploads are read at once.
const PAGE: u64 = 500;

impl Admin {
    /// Writes a workspace with its whole history into a new file; returns the names of the secrets that it lacks.
    ///
    /// Tokens stay behind, and so do the values of secrets: both are worth nothing without this server's key.
    pub async fn export(&self, name: &str, path: &Path) -> Result<Vec<String>, AdminError> {
        let workspace = workspace::find(&self.app, name).await?;
        let workspace = workspace.ok_or_else(|| AdminError::NoWorkspace(name.to_owned()))?;
        let description = self.describe(&workspace).await?;
        let secrets = description.secret_names.clone();
        let (scratch, path) = (self.data.run(), path.to_owned());
        let written = self.app.work.blocking(move || write(&workspace, &description, &scratch, &path));
        written.await??;
        Ok(secrets)
    }

    async fn describe(&self, workspace: &Workspace) -> Result<Description, AdminError> {
        let row = &workspace.row;
        let revision = workspace.head()?.to_string();
        let mut description = Description::new(row.name.clone(), row.owner.clone(), row.created_at, revision);
        description.updated_at = row.updated_at;
        let database = &self.app.database;
        description.secret_names = database.secret_names(&row.id).await?;
        let ids = database.all_slx_ids(&row.id).await?.into_iter();
        let number = |(name, known): (String, store::SlxId)| SlxId {
            name,
            id: known.id,
            created_at: known.created_at,
        };
        description.slx_ids = ids.map(number).collect();
        let all = UploadFilter::default();
        for offset in (0..database.count_uploads(&row.id, &all).await?).step_by(PAGE as usize) {
            let page = database.list_uploads(&row.id, &all, offset, PAGE).await?;
            description.uploads.extend(page.into_iter().filter(is_finished).map(upload));
        }
        Ok(description)
    }
}

fn is_finished(row: &UploadRow) -> bool {
    row.state != UploadState::Open && !row.state.is_under_way()
}

fn upload(row: UploadRow) -> Upload {
    Upload {
        id: row.id,
        via: row.via,
        state: row.state.as_str().to_owned(),
        email: row.email,
        options: row.options_json,
        sha256: row.sha256,
        size_bytes: row.size_bytes.and_then(|size| i64::try_from(size).ok()),
        created_at: row.created_at,
        finished_at: row.finished_at,
        commit: row.commit,
        counts: row.counts_json,
        error_brief: row.error_brief_json,
    }
}

/// Writes the archive beside its place and renames it, so that it is there whole or not at all.
fn write(
    workspace: &Workspace,
    description: &Description,
    scratch: &Path,
    path: &Path,
) -> Result<(), AdminError> {
    let scratch = tempfile::tempdir_in(scratch)?;
    let bundle = scratch.path().join(BUNDLE);
    workspace.repository().write_bundle(&bundle).map_err(ApiError::from)?;
    let text =
        serde_json::to_vec_pretty(description).map_err(|error| AdminError::Failed(error.to_string()))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = tempfile::NamedTempFile::new_in(parent)?;
    let mut archive = tar::Builder::new(file);
    let mut header = tar::Header::new_ustar();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, DESCRIPTION, text.as_slice())?;
    archive.append_path_with_name(&bundle, BUNDLE)?;
    let mut file = archive.into_inner()?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(fs::File::open(parent)?.sync_all()?)
}
