//! Samba, against which the end-to-end tests run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::step::execute;

/// What the tests start, with the Debian package that brings it.
const PROGRAMS: [(&str, &str); 3] =
    [("smbd", "samba"), ("smbclient", "smbclient"), ("smbpasswd", "samba-common-bin")];

/// Directories that hold servers but are not always in a user's `PATH`.
const SYSTEM_DIRECTORIES: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// Installs what is missing where that is possible (Debian and its kin, as root); else says what to install.
pub(crate) fn ensure() -> Result<()> {
    let missing: Vec<(&str, &str)> =
        PROGRAMS.into_iter().filter(|(program, _)| !is_installed(program)).collect();
    if missing.is_empty() {
        println!("   Samba is installed");
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    let install = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    let programs: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
    if !is_installed("apt-get") {
        bail!(
            "{} missing. Install Samba's server and client with this system's package manager (Fedora: \
             `dnf install samba samba-client`, Arch: `pacman -S samba smbclient`), then try again.",
            programs.join(", ")
        );
    }
    if !is_root() {
        bail!("{} missing. Run `sudo {install}`, then try again.", programs.join(", "));
    }
    println!("   installing {} …", packages.join(", "));
    execute(Command::new("apt-get").args(["update", "-q"]).stdin(Stdio::null()))?;
    execute(
        Command::new("apt-get")
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(&packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null()),
    )?;
    println!(
        "   the package may have started a file server of its own: `systemctl disable --now smbd nmbd` ends it"
    );
    Ok(())
}

/// Whether the program can be found.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_DIRECTORIES.iter().map(|directory| Path::new(directory).to_owned()))
        .any(|directory| directory.join(program).is_file())
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
