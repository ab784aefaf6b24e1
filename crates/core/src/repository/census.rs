//! How many packs and loose objects a repository has, at the cost of two listings.

use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;

use super::error::Result;
use super::names::RepositoryId;
use super::store::RepositoryStore;

/// The one directory of 256 that stands for all, as for `git gc --auto` (builtin/gc.c).
const SAMPLE: &str = "17";

/// How a repository's objects lie on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Its packs.
    pub packs: u64,
    /// Its loose objects, estimated from one directory of 256.
    pub loose_objects: u64,
}

impl RepositoryStore {
    /// Counts how a repository's objects lie, without opening it.
    pub fn census(&self, id: &RepositoryId) -> Result<Census> {
        let objects = self.directory(id).join("objects");
        let packs = count(&objects.join("pack"), |name| name.extension() == Some("pack".as_ref()))?;
        let loose = match count(&objects.join(SAMPLE), |name| name.as_os_str().len() == 38) {
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            counted => counted? * 256,
        };
        Ok(Census { packs, loose_objects: loose })
    }
}

fn count(directory: &Path, is_one: impl Fn(&Path) -> bool) -> std::io::Result<u64> {
    let mut count = 0;
    for entry in fs::read_dir(directory)? {
        count += u64::from(is_one(Path::new(&entry?.file_name())));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_are_counted_and_loose_objects_estimated() {
        let temp = tempfile::tempdir().unwrap();
        let store = RepositoryStore::open(temp.path()).unwrap();
        let id = RepositoryId::parse("abc").unwrap();
        let objects = store.directory(&id).join("objects");
        fs::create_dir_all(objects.join("pack")).unwrap();
        assert_eq!(store.census(&id).unwrap(), Census::default());
        for name in ["pack/pack-1.pack", "pack/pack-1.idx", "pack/pack-2.pack"] {
            fs::write(objects.join(name), "").unwrap();
        }
        fs::create_dir_all(objects.join(SAMPLE)).unwrap();
        fs::write(objects.join(SAMPLE).join("a".repeat(38)), "").unwrap();
        fs::write(objects.join(SAMPLE).join("tmp_obj_1"), "").unwrap();
        assert_eq!(store.census(&id).unwrap(), Census { packs: 2, loose_objects: 256 });
        assert!(store.census(&RepositoryId::parse("none").unwrap()).is_err());
    }
}
