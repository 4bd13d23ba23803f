//! What the deployment says to a function, by variables of the manifest.

use std::sync::OnceLock;

use causeway_tokens::TokenKey;
use spin_sdk::http::Uri;
use spin_sdk::variables::{self, Error};

use crate::Problem;

/// What every function is told.
#[derive(Debug)]
pub struct Settings {
    /// Where the sidecar is.
    pub(crate) sidecar: SidecarAddress,
    /// By which the sidecar knows its functions: the value of `authorization`.
    pub(crate) authorization: ServiceAuthorization,
    /// Signs and checks access tokens.
    pub token_key: TokenKey,
}

/// The parts of `sidecar_url`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SidecarAddress {
    pub(crate) is_https: bool,
    /// Host and port.
    pub(crate) authority: String,
    /// What goes before every path, without a slash at the end.
    pub(crate) base_path: String,
}

/// `Bearer <service token>`, kept out of logs.
pub(crate) struct ServiceAuthorization(String);

impl ServiceAuthorization {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for ServiceAuthorization {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ServiceAuthorization(…)")
    }
}

/// The same for all requests and users, so that it may outlive them.
static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// The settings, read at the first request of an instance.
///
/// # Errors
///
/// 500 when the deployment lacks a variable or has a wrong one; the log says which.
pub async fn settings() -> Result<&'static Settings, Problem> {
    if let Some(settings) = SETTINGS.get() {
        return Ok(settings);
    }
    let url = required("sidecar_url").await?;
    let service_token = required("service_token").await?;
    let token_secret = required("token_secret").await?;
    let sidecar =
        SidecarAddress::parse(&url).ok_or_else(|| misconfigured("sidecar_url is no http(s) URL"))?;
    let authorization = ServiceAuthorization(format!("Bearer {service_token}"));
    Ok(SETTINGS.get_or_init(|| Settings { sidecar, authorization, token_key: TokenKey::new(&token_secret) }))
}

/// A variable of the manifest; `None` when it is not declared or empty.
///
/// # Errors
///
/// 500 when the host cannot say.
pub async fn variable(name: &str) -> Result<Option<String>, Problem> {
    match variables::get(name).await {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(Error::Undefined(_)) => Ok(None),
        Err(error) => Err(misconfigured(format!("variable {name}: {error}"))),
    }
}

async fn required(name: &str) -> Result<String, Problem> {
    variable(name).await?.ok_or_else(|| misconfigured(format!("variable {name} has no value")))
}

fn misconfigured(cause: impl std::fmt::Display) -> Problem {
    Problem::new(500, "The server is not configured correctly").because(cause)
}

impl SidecarAddress {
    fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        let is_https = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?.as_str().to_owned();
        Some(Self { is_https, authority, base_path: uri.path().trim_end_matches('/').to_owned() })
    }
}

#[cfg(test)]
impl Settings {
    /// Those of a deployment with that token secret.
    pub(crate) fn for_tests(token_secret: &str) -> Self {
        Self {
            sidecar: SidecarAddress {
                is_https: false,
                authority: "sidecar.internal".to_owned(),
                base_path: String::new(),
            },
            authorization: ServiceAuthorization(String::new()),
            token_key: TokenKey::new(token_secret),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SidecarAddress;

    #[test]
    fn the_sidecar_may_be_anywhere_by_http() {
        let parse = |url| SidecarAddress::parse(url).map(|at| (at.is_https, at.authority, at.base_path));
        assert_eq!(parse("http://sidecar.internal"), Some((false, "sidecar.internal".into(), String::new())));
        assert_eq!(
            parse("https://nas.example:7071/x/ "),
            Some((true, "nas.example:7071".into(), "/x".into()))
        );
        assert_eq!(parse("ftp://nas"), None);
        assert_eq!(parse("sidecar.internal"), None);
        assert_eq!(parse(""), None);
    }
}
