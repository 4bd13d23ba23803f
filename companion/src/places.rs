//! Where the companion keeps its things (XDG Base Directory Specification 0.8).

use std::ffi::OsString;
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The companion's name in each of the directories.
const NAME: &str = "causeway-companion";

/// For the owner alone.
const PRIVATE: u32 = 0o700;

/// There is no directory to keep anything in.
#[derive(Debug, thiserror::Error)]
#[error("There is no home directory: neither HOME nor XDG_STATE_HOME is set")]
pub struct NoHome;

/// The directories of one person.
#[derive(Debug, Clone)]
pub struct Places {
    state: PathBuf,
    config: PathBuf,
    data: PathBuf,
}

impl Places {
    /// Those that the environment names.
    pub fn from_environment() -> Result<Self, NoHome> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    /// Those that these variables name.
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        // Relative paths are to be ignored, says the specification.
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = absolute("HOME");
        let place = |name: &str, below: &str| {
            absolute(name).or_else(|| home.as_ref().map(|home| home.join(below))).ok_or(NoHome)
        };
        Ok(Self {
            state: place("XDG_STATE_HOME", ".local/state")?.join(NAME),
            config: place("XDG_CONFIG_HOME", ".config")?.join(NAME),
            data: place("XDG_DATA_HOME", ".local/share")?,
        })
    }

    /// Where sessions are, one directory each. It outlives a reboot: work is in it.
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }

    /// Where files say which files of servers are being opened.
    pub fn claims(&self) -> PathBuf {
        self.state.join("claims")
    }

    /// The list of servers that may be talked to.
    pub fn trusted_servers(&self) -> PathBuf {
        self.config.join("trusted-servers")
    }

    /// Where programs tell the desktop of themselves.
    pub fn applications(&self) -> PathBuf {
        self.data.join("applications")
    }
}

/// Makes a directory for the owner alone, and those on the way to it; one that is there already is closed to others.
pub fn make_private(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE).create(directory)?;
    let mode = directory.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(directory, Permissions::from_mode(PRIVATE))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::{Places, make_private};

    #[test]
    fn variables_win_over_home_when_they_are_absolute() {
        let places = Places::from_variables(|name| match name {
            "HOME" => Some(OsString::from("/home/ann")),
            "XDG_STATE_HOME" => Some(OsString::from("/state")),
            "XDG_CONFIG_HOME" => Some(OsString::from("relative")),
            _ => None,
        })
        .expect("places");
        assert_eq!(places.sessions(), Path::new("/state/causeway-companion/sessions"));
        assert_eq!(
            places.trusted_servers(),
            Path::new("/home/ann/.config/causeway-companion/trusted-servers")
        );
        assert_eq!(places.applications(), Path::new("/home/ann/.local/share/applications"));
        assert!(Places::from_variables(|_| None).is_err());
    }

    #[test]
    fn a_directory_that_others_could_read_is_closed() {
        let temporary = tempfile::tempdir().expect("a directory");
        let directory = temporary.path().join("a/b");
        std::fs::create_dir_all(&directory).expect("a directory");
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        make_private(&directory).expect("a private directory");
        assert_eq!(directory.metadata().expect("it").permissions().mode() & 0o777, 0o700);
    }
}
