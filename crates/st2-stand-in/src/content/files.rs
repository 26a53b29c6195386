//! The files of packs: of those that are compiled in, and of those that are read from a directory.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::PackError;

/// A pack and its files, by their path in it.
pub(super) struct Pack {
    pub(super) name: String,
    pub(super) files: BTreeMap<String, String>,
    /// Where it was read from; none for what is compiled in.
    pub(super) directory: Option<PathBuf>,
}

/// StackStorm's runners, as its API shows them.
pub(super) const RUNNERS: &str = include_str!("runners.json");
/// StackStorm's own trigger types, as its API shows them.
pub(super) const TRIGGER_TYPES: &str = include_str!("trigger_types.json");

macro_rules! pack {
    ($name:literal: $($file:literal),+ $(,)?) => {
        ($name, &[$(($file, include_str!(concat!("../../packs/", $name, "/", $file)))),+])
    };
}

type Compiled = (&'static str, &'static [(&'static str, &'static str)]);

/// Parts of StackStorm's own pack (Apache licence 2.0).
const CORE: Compiled = pack!("core":
    "pack.yaml",
    "actions/echo.yaml",
    "actions/local.yaml",
    "actions/local_sudo.yaml",
    "actions/noop.yaml",
    "actions/remote.yaml",
);

const REMEDIATION: Compiled = pack!("remediation":
    "pack.yaml",
    "actions/host_down_workflow.yaml",
    "actions/fails.yaml",
    "actions/secretive.yaml",
    "actions/chain_workflow.yaml",
    "actions/workflows/host_down_workflow.yaml",
    "actions/workflows/failing_workflow.yaml",
    "actions/failing_workflow.yaml",
    "actions/disabled.yaml",
    "actions/chains/chain.yaml",
    "actions/guarded_workflow.yaml",
    "policies/guard.yaml",
    "rules/host_down_rule.yaml",
);

impl Pack {
    /// What every stand-in knows.
    pub(super) fn core() -> Self {
        Self::compiled_in(CORE)
    }

    /// What a stand-in knows that is given no pack.
    pub(super) fn remediation() -> Self {
        Self::compiled_in(REMEDIATION)
    }

    fn compiled_in((name, files): Compiled) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { name: name.to_owned(), files, directory: None }
    }

    /// Reads a pack's directory. Its name is the `ref` of `pack.yaml`, as for StackStorm.
    pub(super) fn read(directory: &Path) -> Result<Self, PackError> {
        let failed = |error: io::Error| PackError::new(directory, format!("cannot be read: {error}"));
        let directory = directory.canonicalize().map_err(failed)?;
        let mut files = BTreeMap::new();
        collect(&directory, "", &mut files).map_err(failed)?;
        let Some(own) = files.get("pack.yaml") else {
            return Err(PackError::new(&directory, "has no pack.yaml; name the directory of one pack"));
        };
        let own = super::parsed(own).map_err(|why| PackError::new(&directory, format!("pack.yaml: {why}")))?;
        let name = own["ref"].as_str().or_else(|| own["name"].as_str());
        let name = name.ok_or_else(|| PackError::new(&directory, "pack.yaml has neither `ref` nor `name`"))?;
        Ok(Self { name: name.to_owned(), files, directory: Some(directory.clone()) })
    }
}

/// The files below a directory; those that are no text are kept by name alone.
fn collect(directory: &Path, prefix: &str, into: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        let (path, own) = (entry.path(), format!("{prefix}{name}"));
        if path.is_dir() {
            collect(&path, &format!("{own}/"), into)?;
        } else {
            into.insert(own, String::from_utf8(fs::read(&path)?).unwrap_or_default());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directories are packs as any other, and nothing of them is left out.
    #[test]
    fn the_compiled_in_files_equal_the_directories() {
        for pack in [Pack::core(), Pack::remediation()] {
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("packs").join(&pack.name);
            let read = Pack::read(&directory).unwrap();
            assert_eq!((read.name, read.files), (pack.name, pack.files));
        }
    }

    #[test]
    fn a_directory_without_pack_yaml_is_named() {
        let error = Pack::read(Path::new(env!("CARGO_MANIFEST_DIR"))).err().unwrap().to_string();
        assert!(error.ends_with("st2-stand-in: has no pack.yaml; name the directory of one pack"), "{error}");
    }
}
