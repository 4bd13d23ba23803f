//! Where the desktop companion is to be had.

use causeway_api::companion::CompanionRelease;

/// What the deployment says about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CompanionSource {
    /// A release as JSON. It weighs more than the feed.
    pub(crate) release: Option<String>,
    /// Where such a document is to be had.
    pub(crate) feed: Option<Feed>,
}

/// An address in the two halves that a manifest needs: whom a component may reach, and what it asks for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feed {
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// Path with its slash, and query.
    pub(crate) path: String,
}

impl CompanionSource {
    /// Checks both; empty texts are none. What is wrong goes to `faults`.
    pub(crate) fn check(release: Option<String>, feed: Option<&str>, faults: &mut Vec<String>) -> Self {
        let release = release.filter(|text| !text.trim().is_empty());
        if let Some(Err(error)) = release.as_ref().map(|text| CompanionRelease::parse(text.as_bytes())) {
            faults.push(format!("companion_release: {error}"));
        }
        let feed = feed.map(str::trim).filter(|url| !url.is_empty());
        if let Some(url) = feed.filter(|url| Feed::parse(url).is_none()) {
            faults
                .push(format!("companion_feed_url: '{url}' is no URL like https://example.org/latest.json"));
        }
        Self { release, feed: feed.and_then(Feed::parse) }
    }
}

impl Feed {
    /// Absolute, by http or https, with a path, without user, password and fragment.
    fn parse(url: &str) -> Option<Self> {
        let uri: axum::http::Uri = url.parse().ok()?;
        let (scheme, authority) = (uri.scheme_str()?, uri.authority()?.as_str());
        let path = uri.path_and_query()?.as_str();
        let is_fine = matches!(scheme, "http" | "https")
            && !authority.contains('@')
            && uri.path().len() > 1
            && !url.contains('#');
        is_fine.then(|| Self { origin: format!("{scheme}://{authority}"), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_is_an_address_on_the_web() {
        let feed = Feed::parse("https://dl.example:8443/latest.json?channel=stable").unwrap();
        assert_eq!(
            (feed.origin.as_str(), feed.path.as_str()),
            ("https://dl.example:8443", "/latest.json?channel=stable")
        );
        for bad in [
            "",
            "dl.example/a",
            "ftp://dl.example/a",
            "https://dl.example",
            "https://dl.example/",
            "https://u:p@dl.example/a",
            "https://dl.example/a#b",
        ] {
            assert_eq!(Feed::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn both_are_looked_at() {
        let mut faults = Vec::new();
        CompanionSource::check(Some("{}".into()), Some("nowhere"), &mut faults);
        assert_eq!(faults.len(), 2, "{faults:?}");
        let mut faults = Vec::new();
        let none = CompanionSource::check(Some(" ".into()), Some(""), &mut faults);
        assert_eq!((none, faults.len()), (CompanionSource::default(), 0));
    }
}
