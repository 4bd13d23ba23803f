//! Starts a real smbd on a loopback port for tests.
//!
//! Each [`Samba`] has its own configuration, account database, directories and port, so that many run side by side and
//! nothing of the machine's own Samba is touched. It ends with its owner: on drop, and also when the owning process is
//! killed.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! let samba = causeway_samba::Samba::start()?;
//! std::fs::write(samba.share_dir("data").join("hello.txt"), "hello")?;
//! println!("smb://{}:{}/data", samba.user(), samba.port());
//! # Ok(()) }
//! ```

mod config;
mod process;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tempfile::TempDir;

pub use config::Share;
use process::Smbd;

/// The account's name towards clients; it is mapped to the account that runs the tests.
const USER: &str = "causeway";
/// The account's password. The server is on loopback and lives as long as a test.
const PASSWORD: &str = "tests-only-P4ss";
/// smbd opens its port within some 50 ms; a loaded machine may take longer.
const START_DEADLINE: Duration = Duration::from_secs(15);
/// Between two looks at the port.
const START_POLL: Duration = Duration::from_millis(5);
/// Somebody else may take the free port before smbd does.
const START_ATTEMPTS: usize = 5;

/// What a [`Samba`] shall offer; [`Samba::start`] is the usual set.
#[derive(Debug, Default)]
pub struct Builder {
    shares: Vec<Share>,
    global: Vec<(String, String)>,
}

/// A running smbd.
///
/// It offers `data` (read and write), `second` (the same, another directory), `readonly`, `enc` (encryption required)
/// and, when run by root, `limited` (every client acts as `daemon`, so that permissions of the file system count).
/// Signing is mandatory, names are not mangled, guests are refused; alternate streams are kept in extended attributes where
/// smbd has the module for it (Debian: `samba-vfs-modules`).
#[derive(Debug)]
pub struct Samba {
    /// Holds everything; removed when this is dropped, which is after smbd has gone.
    home: TempDir,
    port: u16,
    shares: Vec<(String, PathBuf)>,
    smbd: Option<Smbd>,
}

impl Samba {
    /// Starts one with the usual shares.
    ///
    /// # Errors
    ///
    /// When Samba is not installed (the message says how to install it) or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::builder().start()
    }

    /// To add shares and settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The account's name.
    pub fn user(&self) -> &str {
        USER
    }

    /// The account's password.
    pub fn password(&self) -> &str {
        PASSWORD
    }

    /// The directory behind a share, to put files there and look at them from the other side.
    ///
    /// # Panics
    ///
    /// When there is no such share.
    pub fn share_dir(&self, share: &str) -> &Path {
        let found = self.shares.iter().find(|(name, _)| name == share);
        &found.unwrap_or_else(|| panic!("there is no share {share:?}")).1
    }

    /// Whether there is such a share.
    pub fn has_share(&self, share: &str) -> bool {
        self.shares.iter().any(|(name, _)| name == share)
    }

    /// The directory with configuration, account database and logs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What smbd has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log.smbd")).unwrap_or_default()
    }

    /// Kills smbd and all its children with SIGKILL, as a power cut would.
    pub fn kill9(&mut self) {
        self.smbd = None;
    }

    /// Starts it again on the same port, with the same files. Kills it first if it runs.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill9();
        self.smbd = Some(self.spawn()?);
        Ok(())
    }

    /// Freezes smbd and all its children: connections stay open, and nothing is answered any more.
    pub fn freeze(&self) {
        if let Some(smbd) = &self.smbd {
            smbd.signal("STOP");
        }
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        if let Some(smbd) = &self.smbd {
            smbd.signal("CONT");
        }
    }

    /// Runs `smbclient //127.0.0.1/SHARE` as the account, with these further arguments, `-c` and commands for example.
    pub fn smbclient(&self, share: &str, arguments: &[&str]) -> anyhow::Result<Output> {
        Command::new("smbclient")
            .arg("--configfile")
            .arg(self.config_file())
            .args(["--port", &self.port.to_string()])
            .args(["--user", &format!("{USER}%{PASSWORD}")])
            .arg(format!("//127.0.0.1/{share}"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("cannot run smbclient; install it with: apt-get install smbclient")
    }

    /// What `smbstatus` says: sessions, shares in use, open files.
    pub fn smbstatus(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new("smbstatus")
            .arg("--configfile")
            .arg(self.config_file())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .context("cannot run smbstatus; install it with: apt-get install samba")?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    }

    /// The paths that clients hold open now, as far as smbd knows, one for each handle that can read, write or delete.
    pub fn open_files(&self) -> anyhow::Result<Vec<String>> {
        let status = self.smbstatus(&["--locks"])?;
        // Two lines of heading and a ruler, then a line a handle that begins with a process id.
        Ok(status
            .lines()
            .filter(|line| line.split_whitespace().next().is_some_and(|word| word.parse::<u32>().is_ok()))
            .map(str::to_owned)
            .collect())
    }

    fn config_file(&self) -> PathBuf {
        self.home.path().join("smb.conf")
    }

    fn spawn(&self) -> anyhow::Result<Smbd> {
        let mut smbd = Smbd::spawn(&self.config_file(), self.home.path())?;
        let begun = Instant::now();
        while std::net::TcpStream::connect(self.addr()).is_err() {
            if let Some(status) = smbd.exited()? {
                bail!("smbd ended at once ({status}):\n{}", self.log());
            }
            ensure!(begun.elapsed() < START_DEADLINE, "smbd does not answer:\n{}", self.log());
            std::thread::sleep(START_POLL);
        }
        // Something answers; it is ours only if ours still runs.
        ensure!(smbd.exited()?.is_none(), "smbd ended at once:\n{}", self.log());
        Ok(smbd)
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        // Before the directories under it go.
        self.smbd = None;
    }
}

impl Builder {
    /// Offers one more share.
    #[must_use]
    pub fn share(mut self, share: Share) -> Self {
        self.shares.push(share);
        self
    }

    /// Adds a line to `[global]`.
    #[must_use]
    pub fn global(mut self, option: &str, value: &str) -> Self {
        self.global.push((option.to_owned(), value.to_owned()));
        self
    }

    /// Starts smbd.
    ///
    /// # Errors
    ///
    /// When Samba is not installed (the message says how to install it) or does not start.
    pub fn start(self) -> anyhow::Result<Samba> {
        let mut outcome = Err(anyhow::anyhow!("smbd was not tried"));
        for _ in 0..START_ATTEMPTS {
            outcome = self.start_once();
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn start_once(&self) -> anyhow::Result<Samba> {
        let home = tempfile::Builder::new()
            .prefix("causeway-samba-")
            .tempdir()
            .context("cannot make a directory")?;
        let port = free_port()?;
        let config = config::Config::lay_out(home.path(), port, &self.shares, &self.global)?;
        process::add_account(&home.path().join("smb.conf"), &config.unix_user, PASSWORD)?;
        let mut samba = Samba { home, port, shares: config.shares, smbd: None };
        samba.smbd = Some(samba.spawn()?);
        Ok(samba)
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}
