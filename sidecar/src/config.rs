//! What the sidecar is told at its start.

use std::path::PathBuf;
use std::time::Duration;

pub use crate::sockets::{NoPublicUrl, PublicUrl};

/// The sidecar's configuration. The program that embeds it reads files, environment and command line.
#[derive(Debug, Clone)]
pub struct Config {
    /// Directory of the database and the secrets; made when missing, private to the user.
    pub data_dir: PathBuf,
    /// The administrator made at the very first start.
    pub first_admin: FirstAdmin,
    /// Secrets that somebody else chose, because functions on another host must know them too.
    pub secrets: SecretOverrides,
    /// How long after a scan of a connection's directories the next one follows, when nothing calls for one earlier.
    pub directory_rescan: Duration,
    /// How long an edit lock lives without a heartbeat. Clients send one every 30 s.
    pub lock_lifetime: Duration,
    /// Networks of reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Where browsers find the product: pages from elsewhere may open no socket. `None` does not look.
    pub public_url: Option<PublicUrl>,
    /// Sockets that one user may have open.
    pub max_sockets_per_user: usize,
}

/// The administrator made at the very first start.
#[derive(Clone)]
pub struct FirstAdmin {
    /// Sign-in name.
    pub username: String,
    /// Password; without one it is generated and handed back once.
    pub password: Option<String>,
}

impl std::fmt::Debug for FirstAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstAdmin").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Secrets from outside; what is absent is generated and kept in the data directory.
#[derive(Clone, Default)]
pub struct SecretOverrides {
    /// Key of the browsers' access tokens.
    pub token_secret: Option<String>,
    /// What functions prove themselves with.
    pub service_token: Option<String>,
}

impl std::fmt::Debug for SecretOverrides {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretOverrides")
            .field("token_secret", &self.token_secret.is_some())
            .field("service_token", &self.service_token.is_some())
            .finish()
    }
}
