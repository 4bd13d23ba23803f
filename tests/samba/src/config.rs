//! The configuration file and the directories that it names.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::{USER, process};

/// The account for `limited`; every Unix has it, and nothing belongs to it.
const LIMITED_USER: &str = "daemon";

/// One more share.
#[derive(Debug, Clone)]
pub struct Share {
    name: String,
    path: Option<PathBuf>,
    options: Vec<(String, String)>,
}

impl Share {
    /// A writable share over a fresh directory.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), path: None, options: Vec::new() }
    }

    /// Over this directory instead.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    /// With one more line in its section; the last one of a name counts.
    #[must_use]
    pub fn option(mut self, option: &str, value: &str) -> Self {
        self.options.push((option.to_owned(), value.to_owned()));
        self
    }
}

/// What was laid out.
pub(crate) struct Config {
    pub(crate) shares: Vec<(String, PathBuf)>,
    /// The Unix account behind the SMB account: whoever runs the tests.
    pub(crate) unix_user: String,
}

impl Config {
    pub(crate) fn lay_out(
        home: &Path,
        port: u16,
        further: &[Share],
        global: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let metadata = fs::metadata(home)?;
        let unix_user = user_name(metadata.uid())?;
        let is_root = metadata.uid() == 0;
        // `limited` has to get through to its directory.
        fs::set_permissions(home, Permissions::from_mode(0o755))?;

        let mut text = global_section(home, port, global);
        fs::write(home.join("usermap"), format!("!{unix_user} = {USER}\n"))?;

        let mut shares = vec![
            Share::new("data"),
            Share::new("second"),
            Share::new("readonly").option("read only", "yes"),
            Share::new("enc").option("smb encrypt", "required"),
            // A second way to the same files, as a NAS offers `homes` and each home.
            Share::new("again").at(&home.join("shares/data")),
        ];
        if is_root {
            shares.push(Share::new("limited").option("force user", LIMITED_USER));
        }
        shares.extend_from_slice(further);

        let mut directories = Vec::new();
        for share in shares {
            let path = if let Some(path) = share.path {
                path
            } else {
                let path = home.join("shares").join(&share.name);
                fs::create_dir_all(&path)?;
                fs::set_permissions(&path, Permissions::from_mode(0o777))?;
                path
            };
            writeln!(text, "[{}]\n    path = {}\n    read only = no", share.name, path.display())?;
            for (option, value) in share.options {
                writeln!(text, "    {option} = {value}")?;
            }
            directories.push((share.name, path));
        }
        fs::write(home.join("smb.conf"), text).context("cannot write smb.conf")?;
        Ok(Self { shares: directories, unix_user })
    }
}

fn global_section(home: &Path, port: u16, further: &[(String, String)]) -> String {
    let mut text = String::from("[global]\n");
    let mut line = |option: &str, value: &str| {
        let _ = writeln!(text, "    {option} = {value}");
    };
    for (option, directory) in [
        ("private dir", "private"),
        ("lock directory", "lock"),
        ("state directory", "state"),
        ("cache directory", "cache"),
        ("pid directory", "pid"),
        ("ncalrpc dir", "ncalrpc"),
    ] {
        let path = home.join(directory);
        // A failure shows when smbd misses it, with a better message than one from here.
        let _ = fs::create_dir_all(&path);
        line(option, &path.display().to_string());
    }
    for (option, value) in [
        ("server role", "standalone server"),
        ("netbios name", "CAUSEWAY"),
        ("disable netbios", "yes"),
        ("smb ports", &port.to_string()),
        ("interfaces", "127.0.0.1"),
        ("bind interfaces only", "yes"),
        ("log file", &home.join("log.smbd").display().to_string()),
        ("log level", "1"),
        ("passdb backend", "tdbsam"),
        ("username map", &home.join("usermap").display().to_string()),
        ("map to guest", "never"),
        ("server signing", "mandatory"),
        ("mangled names", "no"),
        ("load printers", "no"),
        ("printing", "bsd"),
        ("printcap name", "/dev/null"),
        ("disable spoolss", "yes"),
    ] {
        line(option, value);
    }
    if process::has_module("streams_xattr") {
        line("vfs objects", "streams_xattr");
    }
    for (option, value) in further {
        line(option, value);
    }
    text
}

/// The name of a Unix account, by its number.
fn user_name(uid: u32) -> anyhow::Result<String> {
    let output =
        std::process::Command::new("id").args(["-nu", &uid.to_string()]).output().context("cannot run id")?;
    let name = String::from_utf8(output.stdout)?.trim().to_owned();
    anyhow::ensure!(!name.is_empty(), "the account with number {uid} has no name");
    Ok(name)
}
