//! Where the companion is to be had.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a companion is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Platform {
    /// Windows on x86-64.
    #[serde(rename = "windows-x64")]
    WindowsX64,
    /// Windows on ARM.
    #[serde(rename = "windows-arm64")]
    WindowsArm64,
    /// macOS on Apple's processors.
    #[serde(rename = "macos-arm64")]
    MacosArm64,
    /// Linux on x86-64.
    #[serde(rename = "linux-x64")]
    LinuxX64,
}

impl Platform {
    const ALL: [(Self, &str); 4] = [
        (Self::WindowsX64, "windows-x64"),
        (Self::WindowsArm64, "windows-arm64"),
        (Self::MacosArm64, "macos-arm64"),
        (Self::LinuxX64, "linux-x64"),
    ];
}

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseSource {
    /// A document somewhere else, read at each request.
    Feed,
    /// The configuration.
    Pin,
}

/// A release of the companion, as a feed or the configuration describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompanionRelease {
    /// Its version.
    pub version: String,
    /// When it was published, as the source spells it.
    pub published_at: Option<String>,
    /// What is new in it; may be empty.
    pub notes: String,
    /// Where to load it from, by platform; at least one.
    pub assets: BTreeMap<Platform, String>,
}

/// What is wrong with the description of a release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// It is no JSON.
    #[error("returned invalid JSON")]
    NoJson,
    /// It is something else than an object.
    #[error("is no JSON object")]
    NoObject,
    /// It does not say which version.
    #[error("has no version")]
    NoVersion,
    /// It names no file for a platform that there is.
    #[error("has no assets")]
    NoAssets,
    /// A field is of another type.
    #[error("has a wrong {0}")]
    WrongField(&'static str),
    /// What should be an address is none: absolute, by http or https, with a path, without user and password.
    #[error("has no proper URL for {0}")]
    BadUrl(&'static str),
}

impl CompanionRelease {
    /// Reads `{"version": …, "published_at": …, "notes": …, "assets": {platform: URL}}`. Only version and one asset must
    /// be there; platforms that nobody knows are passed over.
    pub fn parse(text: &[u8]) -> Result<Self, ReleaseError> {
        let value: Value = serde_json::from_slice(text).map_err(|_| ReleaseError::NoJson)?;
        let Value::Object(fields) = value else { return Err(ReleaseError::NoObject) };
        let optional = |name: &'static str| match fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(ReleaseError::WrongField(name)),
        };
        let version = optional("version")?.filter(|version| !version.is_empty());
        let Some(Value::Object(named)) = fields.get("assets") else { return Err(ReleaseError::NoAssets) };
        let mut assets = BTreeMap::new();
        for (platform, name) in Platform::ALL {
            match named.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(url)) => {
                    let url = proper_url(url).ok_or(ReleaseError::BadUrl(name))?;
                    assets.insert(platform, url.to_owned());
                }
                Some(_) => return Err(ReleaseError::BadUrl(name)),
            }
        }
        if assets.is_empty() {
            return Err(ReleaseError::NoAssets);
        }
        Ok(Self {
            version: version.ok_or(ReleaseError::NoVersion)?,
            published_at: optional("published_at")?,
            notes: optional("notes")?.unwrap_or_default(),
            assets,
        })
    }
}

/// The address without its fragment, if a browser may be sent there.
fn proper_url(url: &str) -> Option<&str> {
    let url = url.trim();
    let url = url.split_once('#').map_or(url, |(url, _fragment)| url);
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let is_plain = url.chars().all(|character| character.is_ascii_graphic() && character != '\\');
    let has_host = !authority.is_empty() && !authority.starts_with(':') && !authority.contains(['@', '?']);
    (is_web && is_plain && has_host && !path.is_empty() && !path.starts_with('?')).then_some(url)
}

/// Where the companion is to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CompanionDownloads {
    /// Who says so.
    pub source: ReleaseSource,
    /// Version of the companion.
    pub version: String,
    /// When it was published.
    pub published_at: Option<String>,
    /// What is new in it.
    pub notes: String,
    /// Where to load it from, by platform.
    pub assets: BTreeMap<Platform, String>,
}

impl CompanionDownloads {
    /// A release as its source describes it.
    pub fn new(source: ReleaseSource, release: CompanionRelease) -> Self {
        let CompanionRelease { version, published_at, notes, assets } = release;
        Self { source, version, published_at, notes, assets }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{CompanionDownloads, CompanionRelease, ReleaseError, ReleaseSource, proper_url};

    fn parse(value: &Value) -> Result<CompanionRelease, ReleaseError> {
        CompanionRelease::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_release_is_told_as_it_is_known() {
        let release = json!({
            "version": " 1.2.0 ", "published_at": "2026-11-01T00:00:00Z", "notes": null, "more": 1,
            "assets": { "linux-x64": "https://dl.example/a.AppImage?x=1#sha", "amiga": "https://dl.example/a", "macos-arm64": null },
        });
        let told = CompanionDownloads::new(ReleaseSource::Feed, parse(&release).unwrap());
        let expected = json!({
            "source": "feed", "version": "1.2.0", "published_at": "2026-11-01T00:00:00Z", "notes": "",
            "assets": { "linux-x64": "https://dl.example/a.AppImage?x=1" },
        });
        assert_eq!(json!(told), expected);
    }

    #[test]
    fn what_a_description_lacks_is_named() {
        let fine = json!({ "linux-x64": "https://dl.example/a" });
        assert_eq!(CompanionRelease::parse(b"<html>"), Err(ReleaseError::NoJson));
        assert_eq!(parse(&json!([])), Err(ReleaseError::NoObject));
        assert_eq!(parse(&json!({ "assets": fine })), Err(ReleaseError::NoVersion));
        assert_eq!(parse(&json!({ "version": "", "assets": fine })), Err(ReleaseError::NoVersion));
        assert_eq!(parse(&json!({ "version": 1, "assets": fine })), Err(ReleaseError::WrongField("version")));
        for none in [json!(null), json!({}), json!({ "amiga": "https://dl.example/a" })] {
            assert_eq!(parse(&json!({ "version": "1", "assets": none })), Err(ReleaseError::NoAssets));
        }
        let bad = json!({ "version": "1", "assets": { "windows-x64": "javascript:alert(1)" } });
        assert_eq!(parse(&bad), Err(ReleaseError::BadUrl("windows-x64")));
    }

    #[test]
    fn only_plain_web_addresses_are_passed_on() {
        for bad in [
            "",
            "dl.example/a",
            "//dl.example/a",
            "ftp://dl.example/a",
            "file:///a",
            "https://dl.example",
            "https://dl.example/",
            "https://dl.example/?a",
            "https:///a",
            "https://:443/a",
            "https://user:secret@dl.example/a",
            "https://user@dl.example/a",
            "https://dl.example\\@evil/a",
            "https://dl.example/a b",
            "https://dl.example?x/a",
        ] {
            assert_eq!(proper_url(bad), None, "{bad}");
        }
        assert_eq!(
            proper_url(" HTTPS://dl.example:8443/a/b?c=d#e "),
            Some("HTTPS://dl.example:8443/a/b?c=d")
        );
    }

    proptest! {
        #[test]
        fn no_description_breaks_the_reader(text in proptest::collection::vec(any::<u8>(), 0..200), url in ".*") {
            let _ = CompanionRelease::parse(&text);
            let _ = parse(&json!({ "version": "1", "assets": { "linux-x64": url } }));
        }
    }
}
