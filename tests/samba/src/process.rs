//! The processes: smbd itself and the tool that adds accounts.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use anyhow::bail;

const HOW_TO_INSTALL: &str = "Samba is not installed; install it with: apt-get install samba smbclient";

/// A running smbd with its children. Dropping it kills all of them.
#[derive(Debug)]
pub(crate) struct Smbd {
    /// smbd in the foreground leads a process group, and its children stay in it. It ends when its standard input, a
    /// pipe that only this process holds, is closed: so it never outlives the tests, even killed ones.
    child: Child,
}

impl Smbd {
    pub(crate) fn spawn(config: &Path, home: &Path) -> anyhow::Result<Self> {
        let child = Command::new(tool("smbd"))
            .arg("--configfile")
            .arg(config)
            .arg("--foreground")
            .arg("--log-basename")
            .arg(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(missing("smbd"))?;
        Ok(Self { child })
    }

    pub(crate) fn exited(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal to smbd and all its children.
    pub(crate) fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        // The group may be gone already, which is as good.
        let _ = Command::new("sh")
            .args(["-c", "kill -s \"$0\" -- \"$1\"", signal, &group])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Smbd {
    fn drop(&mut self) {
        self.signal("KILL");
        // If it had not yet become the leader of its group.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds the account behind the SMB user to the private database.
pub(crate) fn add_account(config: &Path, unix_user: &str, password: &str) -> anyhow::Result<()> {
    // Not smbpasswd, which lets only root add accounts, private database or not.
    let mut child = Command::new(tool("pdbedit"))
        .arg("--configfile")
        .arg(config)
        .args(["--create", "--password-from-stdin", "--user", unix_user])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing("pdbedit"))?;
    if let Some(mut input) = child.stdin.take() {
        write!(input, "{password}\n{password}\n")?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("pdbedit failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// Whether smbd has this module of its file system layer; Debian keeps them in a package of their own,
/// `samba-vfs-modules`.
pub(crate) fn has_module(name: &str) -> bool {
    static DIRECTORY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        let output = Command::new(tool("smbd")).arg("--build-options").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().find_map(|line| Some(line.trim().strip_prefix("MODULESDIR:")?.trim().into()))
    });
    directory.as_ref().is_some_and(|directory| directory.join("vfs").join(format!("{name}.so")).exists())
}

/// Daemons live where an ordinary account's search path does not lead.
fn tool(name: &str) -> PathBuf {
    ["/usr/sbin", "/usr/bin", "/usr/local/samba/sbin", "/usr/local/samba/bin"]
        .iter()
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.exists())
        .unwrap_or_else(|| name.into())
}

fn missing(name: &str) -> impl FnOnce(std::io::Error) -> anyhow::Error {
    move |error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(HOW_TO_INSTALL),
        _ => anyhow::Error::new(error).context(format!("cannot run {name}")),
    }
}
