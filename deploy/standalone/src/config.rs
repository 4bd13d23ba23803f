//! What the operator decides: command line, environment, file, in this order of weight.

mod companion;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use causeway_sidecar::config::{FirstAdmin, PublicUrl, SecretOverrides};
use clap::Args;
use ipnet::IpNet;
use serde::Deserialize;

use self::companion::CompanionSource;

/// Every option, before it is checked. The keys of the file are the names of the fields.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Options {
    /// Address to answer on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "CAUSEWAY_LISTEN", value_name = "ADDR")]
    listen: Option<String>,
    /// Directory of the database, the secrets and the compiled components [default: ./data]
    #[arg(long, env = "CAUSEWAY_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Directory of a browser app to serve at /; without it there is a small page with the state and the API
    #[arg(long, env = "CAUSEWAY_WEB_ROOT", value_name = "DIR")]
    web_root: Option<PathBuf>,
    /// Directory with a spin.toml and components to run instead of those inside this program
    #[arg(long, env = "CAUSEWAY_APP", value_name = "DIR")]
    app: Option<PathBuf>,
    /// File with further options (TOML, keys like `data_dir`)
    #[arg(long, env = "CAUSEWAY_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,
    /// Directory of compiled components; keep it private, it holds native code [default: DATA_DIR/cache]
    #[arg(long, env = "CAUSEWAY_CACHE_DIR", value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Where the sidecar is (only for `host`)
    #[arg(long, env = "CAUSEWAY_SIDECAR_URL", value_name = "URL")]
    sidecar_url: Option<String>,
    /// What functions prove themselves to the sidecar with [default: generated, kept in the data directory]
    #[arg(long, env = "CAUSEWAY_SERVICE_TOKEN", value_name = "SECRET", hide_env_values = true)]
    service_token: Option<String>,
    /// Key of the browsers' access tokens [default: generated, kept in the data directory]
    #[arg(long, env = "CAUSEWAY_TOKEN_SECRET", value_name = "SECRET", hide_env_values = true)]
    token_secret: Option<String>,
    /// Name of the administrator made at the first start [default: admin]
    #[arg(long, env = "CAUSEWAY_ADMIN_USERNAME", value_name = "NAME")]
    admin_username: Option<String>,
    /// His password [default: generated and shown once]
    #[arg(long, env = "CAUSEWAY_ADMIN_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    admin_password: Option<String>,
    /// Life of an access token in minutes [default: 1440]
    #[arg(long, env = "CAUSEWAY_ACCESS_TOKEN_MINUTES", value_name = "MINUTES")]
    access_token_minutes: Option<u32>,
    /// Seconds between two scans of a connection's directories for the search [default: 3600]
    #[arg(long, env = "CAUSEWAY_DIRECTORY_RESCAN_SECONDS", value_name = "SECONDS")]
    directory_rescan_seconds: Option<u32>,
    /// Seconds that an edit lock lives without a heartbeat; clients send one every 30 s [default: 120]
    #[arg(long, env = "CAUSEWAY_LOCK_SECONDS", value_name = "SECONDS")]
    lock_seconds: Option<u32>,
    /// Networks of reverse proxies whose X-Forwarded-For is believed, separated by commas
    #[arg(long, env = "CAUSEWAY_TRUSTED_PROXIES", value_name = "CIDRS", value_delimiter = ',')]
    trusted_proxies: Option<Vec<String>>,
    /// Where browsers find the product, like https://files.example.org: pages from elsewhere may open no socket
    #[arg(long, env = "CAUSEWAY_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Address of /api/ws (only for `sidecar`; `serve` has it on its own)
    #[arg(long, env = "CAUSEWAY_WS_LISTEN", value_name = "ADDR")]
    ws_listen: Option<String>,
    /// Address of /metrics, for Prometheus; `sidecar` has it beside the internal API, too [default: none]
    #[arg(long, env = "CAUSEWAY_METRICS_LISTEN", value_name = "ADDR")]
    metrics_listen: Option<String>,
    /// Sockets that one user may have open on /api/ws [default: 256]
    #[arg(long, env = "CAUSEWAY_MAX_SOCKETS_PER_USER", value_name = "COUNT")]
    max_sockets_per_user: Option<usize>,
    /// A release of the desktop companion for /api/companion/downloads, as JSON:
    /// {"version": "1.2.0", "notes": "", "assets": {"linux-x64": "https://…"}}
    #[arg(long, env = "CAUSEWAY_COMPANION_RELEASE", value_name = "JSON")]
    companion_release: Option<String>,
    /// Where such a document is to be had, when none is given; read at each request
    #[arg(long, env = "CAUSEWAY_COMPANION_FEED_URL", value_name = "URL")]
    companion_feed_url: Option<String>,
    /// What to log, to stderr [default: info]
    #[arg(long, env = "CAUSEWAY_LOG", value_name = "FILTER")]
    log: Option<String>,
}

/// The options, checked.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) web_root: Option<PathBuf>,
    pub(crate) app: Option<PathBuf>,
    pub(crate) cache_dir: PathBuf,
    pub(crate) sidecar_url: Option<String>,
    pub(crate) secrets: SecretOverrides,
    pub(crate) first_admin: FirstAdmin,
    pub(crate) access_token_minutes: u32,
    pub(crate) directory_rescan: Duration,
    pub(crate) lock_lifetime: Duration,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) ws_listen: Option<SocketAddr>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) max_sockets_per_user: usize,
    pub(crate) companion: CompanionSource,
    pub(crate) log: String,
}

/// What is logged when nobody says otherwise: the SMB library warns of ordinary waits for credits.
const DEFAULT_LOG: &str = "info,smb2=error,smb_server=warn";

/// Longest life of an access token, in minutes: a year.
const MAX_TOKEN_MINUTES: u32 = 60 * 24 * 366;

/// Sockets of one user when nobody says otherwise: every tab of a browser has one.
const MAX_SOCKETS_PER_USER: usize = 256;

/// Longest time between two scans, in seconds: a month. What the server does not report is not found until then.
const MAX_RESCAN_SECONDS: u32 = 60 * 60 * 24 * 30;

/// An hour: what nobody gives a sign of for longer is not being edited.
const MAX_LOCK_SECONDS: u32 = 3600;

/// Shortest secret that is taken from outside, in characters: anything shorter can be guessed.
const MIN_SECRET: usize = 32;

impl Options {
    /// Lays the options over those of the file, when one is named.
    pub(crate) fn with_file(self) -> anyhow::Result<Self> {
        let Some(path) = &self.config else { return Ok(self) };
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let file: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        Ok(Self {
            listen: self.listen.or(file.listen),
            data_dir: self.data_dir.or(file.data_dir),
            web_root: self.web_root.or(file.web_root),
            app: self.app.or(file.app),
            cache_dir: self.cache_dir.or(file.cache_dir),
            sidecar_url: self.sidecar_url.or(file.sidecar_url),
            service_token: self.service_token.or(file.service_token),
            token_secret: self.token_secret.or(file.token_secret),
            admin_username: self.admin_username.or(file.admin_username),
            admin_password: self.admin_password.or(file.admin_password),
            access_token_minutes: self.access_token_minutes.or(file.access_token_minutes),
            directory_rescan_seconds: self.directory_rescan_seconds.or(file.directory_rescan_seconds),
            lock_seconds: self.lock_seconds.or(file.lock_seconds),
            trusted_proxies: self.trusted_proxies.or(file.trusted_proxies),
            public_url: self.public_url.or(file.public_url),
            ws_listen: self.ws_listen.or(file.ws_listen),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            max_sockets_per_user: self.max_sockets_per_user.or(file.max_sockets_per_user),
            companion_release: self.companion_release.or(file.companion_release),
            companion_feed_url: self.companion_feed_url.or(file.companion_feed_url),
            log: self.log.or(file.log),
            config: self.config,
        })
    }

    /// The configuration, or every fault in it at once.
    pub(crate) fn check(self) -> anyhow::Result<Config> {
        let mut faults = Vec::new();
        let listen = self.listen.as_deref().unwrap_or("127.0.0.1:8080");
        let listen = listen
            .parse()
            .map_err(|_| faults.push(format!("listen: '{listen}' is no address like 127.0.0.1:8080")))
            .ok();
        let mut address = |name: &str, text: Option<&str>| {
            let fault = |text| format!("{name}: '{text}' is no address like 127.0.0.1:8081");
            text.and_then(|text| text.parse().map_err(|_| faults.push(fault(text))).ok())
        };
        let ws_listen = address("ws_listen", self.ws_listen.as_deref());
        let metrics_listen = address("metrics_listen", self.metrics_listen.as_deref());
        let public_url = self.public_url.as_deref().filter(|url| !url.trim().is_empty());
        let public_url = public_url.and_then(|url| {
            url.parse().map_err(|error| faults.push(format!("public_url: '{url}' {error}"))).ok()
        });
        let max_sockets_per_user = self.max_sockets_per_user.unwrap_or(MAX_SOCKETS_PER_USER);
        if max_sockets_per_user == 0 {
            faults.push("max_sockets_per_user: must be at least 1".to_owned());
        }
        for (name, secret) in [("service_token", &self.service_token), ("token_secret", &self.token_secret)] {
            if secret.as_ref().is_some_and(|secret| secret.len() < MIN_SECRET) {
                faults.push(format!("{name}: shorter than {MIN_SECRET} characters"));
            }
        }
        for (name, dir) in [("web_root", &self.web_root), ("app", &self.app)] {
            if let Some(dir) = dir
                && !dir.is_dir()
            {
                faults.push(format!("{name}: {} is no directory", dir.display()));
            }
        }
        let access_token_minutes = self.access_token_minutes.unwrap_or(1440);
        if !(1..=MAX_TOKEN_MINUTES).contains(&access_token_minutes) {
            faults.push(format!("access_token_minutes: must be between 1 and {MAX_TOKEN_MINUTES}"));
        }
        let directory_rescan_seconds = self.directory_rescan_seconds.unwrap_or(3600);
        if !(1..=MAX_RESCAN_SECONDS).contains(&directory_rescan_seconds) {
            faults.push(format!("directory_rescan_seconds: must be between 1 and {MAX_RESCAN_SECONDS}"));
        }
        let lock_seconds = self.lock_seconds.unwrap_or(120);
        if !(1..=MAX_LOCK_SECONDS).contains(&lock_seconds) {
            faults.push(format!("lock_seconds: must be between 1 and {MAX_LOCK_SECONDS}"));
        }
        let mut trusted_proxies = Vec::new();
        for text in
            self.trusted_proxies.iter().flatten().map(|text| text.trim()).filter(|text| !text.is_empty())
        {
            match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(net) => trusted_proxies.push(net),
                Err(_) => faults.push(format!("trusted_proxies: '{text}' is no network like 10.0.0.0/8")),
            }
        }
        if self
            .sidecar_url
            .as_ref()
            .is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            faults.push("sidecar_url: must begin with http:// or https://".to_owned());
        }
        let companion =
            CompanionSource::check(self.companion_release, self.companion_feed_url.as_deref(), &mut faults);
        let username = self.admin_username.unwrap_or_else(|| "admin".to_owned());
        if username.trim().is_empty() {
            faults.push("admin_username: must not be empty".to_owned());
        }
        if self.admin_password.as_ref().is_some_and(String::is_empty) {
            faults.push("admin_password: must not be empty".to_owned());
        }
        let data_dir = self.data_dir.unwrap_or_else(|| "data".into());
        let Some(listen) = listen.filter(|_| faults.is_empty()) else {
            bail!("the configuration has faults:\n  {}", faults.join("\n  "));
        };
        Ok(Config {
            listen,
            cache_dir: self.cache_dir.unwrap_or_else(|| data_dir.join("cache")),
            data_dir,
            web_root: self.web_root,
            app: self.app,
            sidecar_url: self.sidecar_url,
            secrets: SecretOverrides { token_secret: self.token_secret, service_token: self.service_token },
            first_admin: FirstAdmin { username, password: self.admin_password },
            access_token_minutes,
            directory_rescan: Duration::from_secs(u64::from(directory_rescan_seconds)),
            lock_lifetime: Duration::from_secs(u64::from(lock_seconds)),
            trusted_proxies,
            public_url,
            ws_listen,
            metrics_listen,
            max_sockets_per_user,
            companion,
            log: self.log.unwrap_or_else(|| DEFAULT_LOG.to_owned()),
        })
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Option<PathBuf>, otherwise: &str| {
            path.as_ref().map_or_else(|| otherwise.to_owned(), |path| path.display().to_string())
        };
        let secret = |given: bool| if given { "given" } else { "kept in the data directory" };
        writeln!(f, "listen                {}", self.listen)?;
        writeln!(f, "data_dir              {}", self.data_dir.display())?;
        writeln!(f, "cache_dir             {}", self.cache_dir.display())?;
        writeln!(f, "web_root              {}", path(&self.web_root, "(built-in page)"))?;
        writeln!(f, "app                   {}", path(&self.app, "(components inside this program)"))?;
        writeln!(f, "sidecar_url           {}", self.sidecar_url.as_deref().unwrap_or("(in this process)"))?;
        writeln!(f, "service_token         {}", secret(self.secrets.service_token.is_some()))?;
        writeln!(f, "token_secret          {}", secret(self.secrets.token_secret.is_some()))?;
        writeln!(f, "admin_username        {}", self.first_admin.username)?;
        let generated = "generated at the first start";
        writeln!(
            f,
            "admin_password        {}",
            self.first_admin.password.as_ref().map_or(generated, |_| "given")
        )?;
        writeln!(f, "access_token_minutes  {}", self.access_token_minutes)?;
        writeln!(f, "directory_rescan      {} s", self.directory_rescan.as_secs())?;
        writeln!(f, "lock_seconds          {}", self.lock_lifetime.as_secs())?;
        let proxies: Vec<_> = self.trusted_proxies.iter().map(ToString::to_string).collect();
        writeln!(
            f,
            "trusted_proxies       {}",
            if proxies.is_empty() { "(none)".to_owned() } else { proxies.join(", ") }
        )?;
        let address = |address: Option<SocketAddr>| {
            address.map_or_else(|| "(none)".to_owned(), |address| address.to_string())
        };
        let public_url = self.public_url.as_ref().map_or_else(|| "(any)".to_owned(), ToString::to_string);
        writeln!(f, "public_url            {public_url}")?;
        writeln!(f, "ws_listen             {}", address(self.ws_listen))?;
        writeln!(f, "metrics_listen        {}", address(self.metrics_listen))?;
        writeln!(f, "max_sockets_per_user  {}", self.max_sockets_per_user)?;
        let companion = match &self.companion {
            CompanionSource { release: Some(_), .. } => "given".to_owned(),
            CompanionSource { feed: Some(feed), .. } => format!("from {}{}", feed.origin, feed.path),
            CompanionSource { .. } => "(unknown)".to_owned(),
        };
        writeln!(f, "companion_release     {companion}")?;
        write!(f, "log                   {}", self.log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let options = Options {
            listen: Some("nowhere".into()),
            service_token: Some("short".into()),
            trusted_proxies: Some(vec!["10.0.0.0/99".into()]),
            access_token_minutes: Some(0),
            public_url: Some("files.example.org".into()),
            ws_listen: Some("8081".into()),
            max_sockets_per_user: Some(0),
            companion_feed_url: Some("nowhere".into()),
            ..Options::default()
        };
        let told = options.check().err().unwrap().to_string();
        for name in [
            "listen",
            "service_token",
            "trusted_proxies",
            "access_token_minutes",
            "public_url",
            "ws_listen",
            "max_sockets_per_user",
            "companion_feed_url",
        ] {
            assert!(told.contains(name), "{told}");
        }
    }

    #[test]
    fn the_command_line_outweighs_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("causeway.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\nlog = \"debug\"\n").unwrap();
        let options =
            Options { listen: Some("127.0.0.1:2".into()), config: Some(path), ..Options::default() };
        let config = options.with_file().unwrap().check().unwrap();
        assert_eq!((config.listen.port(), config.log.as_str()), (2, "debug"));
    }

    #[test]
    fn an_unknown_key_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("causeway.toml");
        std::fs::write(&path, "lissten = \"127.0.0.1:1\"\n").unwrap();
        let error = Options { config: Some(path), ..Options::default() }.with_file().unwrap_err();
        assert!(format!("{error:#}").contains("lissten"));
    }
}
