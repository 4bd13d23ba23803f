//! A running Causeway: one process or two, with a data directory of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::keeper;
use crate::mode::{self, Mode};
use crate::process::Process;
use crate::world::ADMIN_PASSWORD;

/// How a product is started.
#[derive(Debug, Clone, Default)]
pub struct ProductOptions {
    /// A browser app to serve.
    pub web_root: Option<PathBuf>,
    /// More environment, for every process.
    pub environment: Vec<(String, String)>,
    /// Compiles the components anew instead of taking them from the cache that the tests share.
    pub own_cache: bool,
}

/// A running Causeway.
#[derive(Debug)]
pub struct Product {
    mode: Mode,
    options: ProductOptions,
    data: tempfile::TempDir,
    /// Secrets as an operator gives them: a case may make tokens of its own with them.
    token_secret: String,
    service_token: String,
    /// `serve` or `host`.
    front: Process,
    sidecar: Option<Process>,
}

/// Lines of each log that a failed case shows.
const SHOWN_LINES: usize = 80;

impl Product {
    /// Starts one in the mode of the environment.
    pub fn start(options: ProductOptions) -> Result<Self> {
        let mode = Mode::from_environment()?;
        let data =
            tempfile::Builder::new().prefix("causeway-test-").tempdir().context("no temporary directory")?;
        keeper::remove_at_the_end(data.path());
        let secret = || format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let (token_secret, service_token) = (secret(), secret());
        let launch =
            Launch { mode, options: &options, data: data.path(), secrets: [&token_secret, &service_token] };
        let (front, sidecar) = launch.all(None)?;
        Ok(Self { mode, options, data, token_secret, service_token, front, sidecar })
    }

    /// Where it answers: `http://127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.front.address()
    }

    /// Where browsers are told of changes, without the token: `ws://127.0.0.1:PORT/api/ws`.
    pub fn live_address(&self) -> String {
        let announced = |process: &Process| {
            process.output().lines().find_map(|line| line.strip_prefix("live updates on ").map(str::to_owned))
        };
        let own = || format!("{}/api/ws", self.address().replacen("http", "ws", 1));
        self.sidecar.as_ref().and_then(announced).unwrap_or_else(own)
    }

    /// Where the sidecar's figures are: `http://127.0.0.1:PORT/metrics`.
    pub fn metrics_address(&self) -> Option<String> {
        self.processes().find_map(|process| {
            process.output().lines().find_map(|line| line.strip_prefix("figures on ").map(str::to_owned))
        })
    }

    /// One of the sidecar's figures, as it is now.
    ///
    /// # Panics
    ///
    /// If there is no such figure.
    pub fn metric(&self, name: &str) -> f64 {
        let fetch = || -> Result<f64> {
            let address = self.metrics_address().context("no figures are announced")?;
            let place = address.trim_start_matches("http://").trim_end_matches("/metrics");
            let mut stream = TcpStream::connect(place).context(address.clone())?;
            stream.write_all(b"GET /metrics HTTP/1.0\r\nhost: localhost\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(' ')?.to_owned());
            Ok(text
                .lines()
                .find_map(value)
                .with_context(|| format!("no {name} in {text}"))?
                .trim()
                .parse()?)
        };
        fetch().unwrap_or_else(|fault| panic!("{name}: {fault:#}"))
    }

    /// The key of access tokens.
    pub fn token_secret(&self) -> &str {
        &self.token_secret
    }

    /// What functions prove themselves to the sidecar with.
    pub fn service_token(&self) -> &str {
        &self.service_token
    }

    /// The latest records of the audit trail, so many at most, the oldest first, as `causeway audit` shows them.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn audit(&self, last: u32) -> Vec<Value> {
        let read = || -> Result<Vec<Value>> {
            let mut command = Command::new(mode::binary()?);
            command
                .arg("audit")
                .arg("--data-dir")
                .arg(self.data_directory().join("data"))
                .args(["--last", &last.to_string()]);
            let output = command.output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout)?;
            text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
        };
        read().unwrap_or_else(|fault| panic!("the audit trail: {fault:#}"))
    }

    /// Where its database and secrets are.
    pub fn data_directory(&self) -> &Path {
        self.data.path()
    }

    /// Its processes: one, or two in split mode.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.front).chain(&self.sidecar)
    }

    /// The process that answers browsers.
    pub fn front(&self) -> &Process {
        &self.front
    }

    /// From the start of the last process until it answered.
    pub fn started_in(&self) -> Duration {
        self.front.started_in()
    }

    /// Everything logged, as far as it is kept.
    pub fn log(&self) -> String {
        self.processes().map(Process::log).collect::<Vec<_>>().join("\n")
    }

    /// The end of every log.
    pub fn last_log(&self) -> String {
        self.processes().map(|process| process.last_log(SHOWN_LINES)).collect::<Vec<_>>().join("\n")
    }

    /// Freezes all its processes: their connections stay open, and they do nothing any more.
    pub fn freeze(&self) {
        self.processes().for_each(Process::freeze);
    }

    /// Undoes [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.processes().for_each(Process::thaw);
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) -> Result<()> {
        self.front.kill()?;
        self.sidecar.as_mut().map_or(Ok(()), Process::kill)
    }

    /// Asks it to stop and waits for its end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let status = self.front.stop()?;
        if let Some(sidecar) = &mut self.sidecar {
            sidecar.stop()?;
        }
        Ok(status)
    }

    /// Starts it again after [`kill`](Self::kill) or [`stop`](Self::stop), on the same address and data.
    pub fn start_again(&mut self) -> Result<()> {
        let launch = Launch {
            mode: self.mode,
            options: &self.options,
            data: self.data.path(),
            secrets: [&self.token_secret, &self.service_token],
        };
        let listen = self.front.address().trim_start_matches("http://").to_owned();
        (self.front, self.sidecar) = launch.all(Some(&listen))?;
        Ok(())
    }
}

/// What the processes of a product have in common.
struct Launch<'a> {
    mode: Mode,
    options: &'a ProductOptions,
    data: &'a Path,
    secrets: [&'a str; 2],
}

impl Launch<'_> {
    fn all(&self, listen: Option<&str>) -> Result<(Process, Option<Process>)> {
        match self.mode {
            Mode::Standalone => Ok((self.one("serve", listen, &[])?, None)),
            Mode::Split => {
                let sidecar = self.one("sidecar", None, &[])?;
                let address = ("CAUSEWAY_SIDECAR_URL".to_owned(), sidecar.address().to_owned());
                Ok((self.one("host", listen, &[address])?, Some(sidecar)))
            }
        }
    }

    fn one(&self, command: &str, listen: Option<&str>, more: &[(String, String)]) -> Result<Process> {
        let cache =
            if self.options.own_cache { self.data.join("cache") } else { mode::target().join("test-cache") };
        // Two processes on two machines share no directory.
        let data = if command == "host" { self.data.join("host") } else { self.data.join("data") };
        let mut environment = vec![
            ("CAUSEWAY_DATA_DIR".to_owned(), data.display().to_string()),
            ("CAUSEWAY_CACHE_DIR".to_owned(), cache.display().to_string()),
            ("CAUSEWAY_TOKEN_SECRET".to_owned(), self.secrets[0].to_owned()),
            ("CAUSEWAY_SERVICE_TOKEN".to_owned(), self.secrets[1].to_owned()),
            ("CAUSEWAY_ADMIN_PASSWORD".to_owned(), ADMIN_PASSWORD.to_owned()),
            ("CAUSEWAY_LOG".to_owned(), "info,causeway_sidecar=debug".to_owned()),
        ];
        if let Some(web_root) = self.options.web_root.as_ref().filter(|_| command != "sidecar") {
            environment.push(("CAUSEWAY_WEB_ROOT".to_owned(), web_root.display().to_string()));
        }
        if command != "host" {
            environment.push(("CAUSEWAY_METRICS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
        }
        if command == "sidecar" {
            environment.push(("CAUSEWAY_WS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
        }
        environment.extend(self.options.environment.iter().chain(more).cloned());
        let arguments = [command, "--listen", listen.unwrap_or("127.0.0.1:0")].map(str::to_owned);
        Process::start(&mode::binary()?, &arguments, &environment)
    }
}
