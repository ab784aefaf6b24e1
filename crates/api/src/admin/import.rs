//! `workstead admin import`: a workspace from a file.

use std::io::Read;
use std::path::Path;

use fs_err as fs;
use serde::Serialize;
use tempfile::NamedTempFile;
use workstead_core::name::BranchName;

use super::archive::{BUNDLE, DESCRIPTION, Description};
use super::{Admin, AdminError};
use crate::error::ApiError;
use crate::store::slx_ids::SlxId;
use crate::workspace::repository_id;
use crate::{lifecycle, view};

/// Longest description that is read: some hundred thousand uploads.
const MAX_DESCRIPTION: u64 = 256 << 20;

/// What came in, and what has to be done by hand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// The workspace's name.
    pub name: String,
    /// The commit that main is at.
    pub revision: String,
    /// Secrets whose values have to be set again.
    pub secrets_to_set: Vec<String>,
}

impl Admin {
    /// Makes a workspace of what [`Admin::export`] wrote; it is there whole or not at all.
    pub async fn import(&self, path: &Path) -> Result<Imported, AdminError> {
        let (scratch, owned) = (self.data.run(), path.to_owned());
        let (description, bundle) = self.app.work.blocking(move || read(&owned, &scratch)).await??;
        let id = uuid::Uuid::now_v7().to_string();
        let database = &self.app.database;
        let Description { name, owner, created_at, .. } = &description;
        if !database.begin_workspace(&id, name, owner, *created_at).await? {
            return Err(AdminError::Exists(name.clone()));
        }
        let made = self.bring_to_life(&id, &description, bundle, path).await;
        if let Err(error) = made {
            lifecycle::abandon(&self.app, &id).await;
            return Err(error);
        }
        Ok(Imported {
            name: name.to_string(),
            revision: description.revision,
            secrets_to_set: description.secret_names,
        })
    }

    async fn bring_to_life(
        &self,
        id: &str,
        description: &Description,
        bundle: NamedTempFile,
        path: &Path,
    ) -> Result<(), AdminError> {
        let (state, repository) = (self.app.clone(), repository_id(id)?);
        let restored = self.app.work.blocking(move || {
            let repository = state.repositories.restore(&repository, &BranchName::main(), bundle.path())?;
            view::View::of_first(&repository, &state.facts)
        });
        let view = restored.await??;
        if view.commit.to_string() != description.revision {
            let (found, revision) = (view.commit, &description.revision);
            let reason = format!("its main is at {found}, and {DESCRIPTION} says {revision}");
            return Err(AdminError::NotAnExport { path: path.to_owned(), reason });
        }
        let database = &self.app.database;
        let ids = description.slx_ids.iter().map(|slx| {
            let known = SlxId { id: slx.id, created_at: slx.created_at };
            (slx.name.clone(), known)
        });
        database.import_slx_ids(id, &ids.collect::<Vec<_>>()).await?;
        for upload in &description.uploads {
            database.import_upload(id, upload).await?;
        }
        database.finish_workspace(id, &view.indexed()).await?;
        Ok(database.set_updated(id, description.updated_at).await?)
    }
}

/// Reads the description, and unpacks the bundle into a file of its own.
fn read(path: &Path, scratch: &Path) -> Result<(Description, NamedTempFile), AdminError> {
    let refuse = |reason: String| AdminError::NotAnExport { path: path.to_owned(), reason };
    let broken = |error: std::io::Error| refuse(error.to_string());
    let mut archive = tar::Archive::new(fs::File::open(path)?);
    let mut entries = archive.entries().map_err(broken)?;
    let mut next = |expected: &str| {
        let entry = entries.next().ok_or_else(|| refuse(format!("it has no {expected}")))?.map_err(broken)?;
        let is_expected = entry.path().is_ok_and(|path| path.as_os_str() == expected);
        if is_expected { Ok(entry) } else { Err(refuse(format!("{expected} is not where it should be"))) }
    };
    let mut text = Vec::new();
    next(DESCRIPTION)?.take(MAX_DESCRIPTION).read_to_end(&mut text).map_err(broken)?;
    let description = Description::read(path, &text)?;
    let mut bundle = NamedTempFile::new_in(scratch)?;
    std::io::copy(&mut next(BUNDLE)?, &mut bundle).map_err(broken)?;
    Ok((description, bundle))
}

impl From<workstead_core::repository::Error> for AdminError {
    fn from(error: workstead_core::repository::Error) -> Self {
        ApiError::from(error).into()
    }
}
