//! Our own page: the state of the server and an explorer of its API. Everything on it is in here.

use causeway_function_kit::{Answer, Problem};
use causeway_http_semantics::Surface;

/// Path, media type and content of each part.
const PARTS: &[(&str, &str, &[u8])] = &[
    ("/", "text/html; charset=utf-8", include_bytes!("../assets/index.html")),
    ("/explorer/explorer.css", "text/css; charset=utf-8", include_bytes!("../assets/explorer.css")),
    ("/explorer/explorer.js", "text/javascript; charset=utf-8", include_bytes!("../assets/explorer.js")),
    ("/explorer/schema.js", "text/javascript; charset=utf-8", include_bytes!("../assets/schema.js")),
    ("/explorer/icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
];

/// A part of the page.
pub(crate) fn serve(path: &str) -> Result<Answer, Problem> {
    let (_, content_type, content) =
        PARTS.iter().find(|(known, ..)| *known == path).ok_or_else(|| Problem::not_found("Not Found"))?;
    Ok(Answer::bytes(200, content_type, *content)
        .surface(Surface::Explorer)
        .header("cache-control", "no-cache"))
}

#[cfg(test)]
mod tests {
    use super::PARTS;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_nothing_that_its_policy_forbids() {
        let page = std::str::from_utf8(PARTS[0].2).unwrap();
        for forbidden in ["http:", "https:", "//", " style=", "<style", " onclick=", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
        // What it refers to is there.
        for reference in page.split("\"/explorer/").skip(1) {
            let path = format!("/explorer/{}", reference.split('"').next().unwrap());
            assert!(PARTS.iter().any(|(known, ..)| *known == path), "{path}");
        }
    }
}
