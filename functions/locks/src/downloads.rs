//! The companion itself: where it is to be had, whether it is new enough, whether it gets through.

use causeway_api::companion::{
    CompanionDownloads, CompanionRelease, ReleaseError, ReleaseSource, VersionCheck,
};
use causeway_api::locks::Done;
use causeway_function_kit::{Answer, FetchError, Fetched, Problem, Request, fetch, variable};
use causeway_internal::accounts::WhoAmI;

/// How long a feed may take for each step, in nanoseconds.
const PATIENCE: u64 = 10_000_000_000;

/// The longest feed that is read, in bytes: notes of a release are the most of it.
const MAX_FEED_BYTES: usize = 256 * 1024;

/// What a feed is told of us.
const HEADERS: [(&str, &str); 2] =
    [("accept", "application/json"), ("user-agent", concat!("causeway/", env!("CARGO_PKG_VERSION")))];

/// `GET …/proxy-auth-check`: whoever reads this has come through all proxies.
pub(crate) async fn probe(request: &Request) -> Result<Answer, Problem> {
    request.sidecar()?.call(&WhoAmI {}).await?;
    Answer::json(200, &Done::OK)
}

/// `GET …/version-check`
pub(crate) fn check_version(request: &Request) -> Result<Answer, Problem> {
    Answer::json(200, &VersionCheck::of(request.query().required("companion_version")?))
}

/// `GET …/downloads`: what the configuration says, else what its feed says now.
pub(crate) async fn find(request: &Request) -> Result<Answer, Problem> {
    request.sidecar()?.call(&WhoAmI {}).await?;
    if let Some(pinned) = variable("companion_release").await? {
        let release = CompanionRelease::parse(pinned.as_bytes()).map_err(|error| {
            Problem::new(500, "The server is not configured correctly")
                .because(format!("companion_release {error}"))
        })?;
        return Answer::json(200, &CompanionDownloads::new(ReleaseSource::Pin, release));
    }
    let (Some(origin), Some(path)) =
        (variable("companion_feed_origin").await?, variable("companion_feed_path").await?)
    else {
        return Err(Problem::new(502, "This server does not know where the companion is to be had."));
    };
    let url = format!("{}/{}", origin.trim_end_matches('/'), path.trim_start_matches('/'));
    let fetched = fetch(&url, &HEADERS, MAX_FEED_BYTES, PATIENCE).await;
    let release = read(fetched)
        .map_err(|what| Problem::new(502, format!("Companion download metadata feed {what}")))?;
    Answer::json(200, &CompanionDownloads::new(ReleaseSource::Feed, release))
}

/// The release that a feed describes, or what is wrong with the feed.
fn read(fetched: Result<Fetched, FetchError>) -> Result<CompanionRelease, String> {
    match fetched {
        Ok(Fetched { status: 200..=299, body }) => {
            CompanionRelease::parse(&body).map_err(|error: ReleaseError| format!("{error}."))
        }
        Ok(Fetched { status, .. }) => Err(format!("failed with HTTP {status}.")),
        Err(FetchError::TimedOut) => Err("timed out.".to_owned()),
        Err(FetchError::TooLarge) => Err("is too large.".to_owned()),
        Err(FetchError::Unreachable(why)) => Err(format!("is unreachable: {why}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_feed_is_said() {
        let fetched = |status, body: &str| Ok(Fetched { status, body: body.into() });
        let told = |fetched| read(fetched).unwrap_err();
        assert_eq!(told(fetched(200, "<html>")), "returned invalid JSON.");
        assert_eq!(told(fetched(200, "{\"version\": \"1\"}")), "has no assets.");
        assert_eq!(told(fetched(302, "")), "failed with HTTP 302.");
        assert_eq!(told(Err(FetchError::TimedOut)), "timed out.");
        assert_eq!(told(Err(FetchError::TooLarge)), "is too large.");
        let refused = FetchError::Unreachable("the connection was refused");
        assert_eq!(told(Err(refused)), "is unreachable: the connection was refused.");
        let fine = "{\"version\": \"1\", \"assets\": {\"linux-x64\": \"https://dl.example/a\"}}";
        assert_eq!(read(fetched(200, fine)).unwrap().version, "1");
    }
}
