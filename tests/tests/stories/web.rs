//! What a browser gets that asks for pages.

use causeway_tests::{Product, ProductOptions, User, World};

const REVALIDATE: &str = "no-cache, max-age=0, must-revalidate";

#[tokio::test]
async fn without_a_browser_app_there_is_a_page_of_our_own() {
    let world = World::shared().await;
    let nobody = world.anonymous();
    let page = nobody.get("/").send().await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let text = page.text();
    assert!(text.contains("Causeway"));
    for foreign in ["http://", "https://", "src=\"//", "href=\"//"] {
        let leads_away =
            text.match_indices(foreign).any(|(at, _)| !text[at..].starts_with("http://www.w3.org/"));
        assert!(!leads_away, "the page fetches from elsewhere ({foreign})");
    }
    nobody.get("/no/such/page").send().await.expect(404).detail();
}

#[tokio::test]
async fn health_version_and_api_description_are_public() {
    let world = World::shared().await;
    let nobody = world.anonymous();
    assert_eq!(
        nobody.get("/api/health").send().await.expect(200).json(),
        serde_json::json!({"status": "healthy"})
    );
    let version = nobody.get("/api/version").send().await.expect(200).json();
    for field in ["version", "build_time", "git_commit"] {
        assert!(version[field].is_string(), "{version}");
    }
    let document = nobody.get("/api/openapi.json").send().await.expect(200).json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    for route in causeway_api::routes::all() {
        let method = route.method.as_str().to_lowercase();
        assert!(document["paths"][route.path][&method].is_object(), "{method} {}", route.path);
    }
}

#[tokio::test]
async fn an_unknown_part_of_the_api_is_not_found() {
    let world = World::shared().await;
    for user in [world.anonymous(), world.admin()] {
        for path in
            ["/api/nope", "/api/", "/api/browse", "/api/auth/nope", "/api/connections/x/y/z", "/api/viewer/x"]
        {
            user.get(path).send().await.refused(404, "Not Found");
        }
    }
    let answer = world.admin().post("/api/health").send().await;
    assert_eq!(answer.header("allow"), "GET");
    answer.refused(405, "Method Not Allowed");
}

#[tokio::test]
async fn a_browser_app_is_served_with_its_deep_links() {
    let root = tempfile::tempdir().expect("a directory");
    let write = |path: &str, content: &str| {
        let file = root.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("a directory");
        std::fs::write(file, content).expect("a file");
    };
    write("index.html", "<!doctype html><title>app</title>");
    write("assets/app-1a2b.js", "export {}");
    write("icons/icon.svg", "<svg/>");
    write("pdfjs/pdf.worker.mjs", "//");
    write("manifest.json", "{}");
    write("robots.txt", "User-agent: *");
    write("secret.txt", "not a part of the app's public names");
    let outside = root.path().with_extension("outside");
    std::fs::write(&outside, "outside").expect("a file");

    let options = ProductOptions { web_root: Some(root.path().to_owned()), ..ProductOptions::default() };
    let product = Product::start(options).expect("a running product");
    let nobody = User::anonymous(product.address());
    let get = async |path: &str| nobody.get(path).send().await.expect(200);
    for link in
        ["/", "/browse", "/browse/smb/data/a/b.txt", "/login", "/settings/admin", "/auth/x", "/secret.txt"]
    {
        let page = get(link).await;
        assert_eq!(page.text(), "<!doctype html><title>app</title>", "{link}");
        assert_eq!(
            (page.header("cache-control"), page.header("pragma"), page.header("expires")),
            ("no-store", "no-cache", "0")
        );
        assert!(page.header("content-type").starts_with("text/html"));
    }
    let asset = get("/assets/app-1a2b.js").await;
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(asset.header("content-type").contains("javascript"));
    for path in ["/icons/icon.svg", "/pdfjs/pdf.worker.mjs", "/manifest.json", "/robots.txt"] {
        assert_eq!(get(path).await.header("cache-control"), REVALIDATE, "{path}");
    }
    let tag = asset.header("etag").to_owned();
    let again = nobody.get("/assets/app-1a2b.js").header("if-none-match", &tag).send().await.expect(304);
    assert!(again.body().is_empty());
    let part = nobody.get("/assets/app-1a2b.js").header("range", "bytes=0-5").send().await.expect(206);
    assert_eq!(part.text(), "export");
    for missing in ["/assets/none.js", "/icons/none.svg", "/pdfjs/none", "/api/none"] {
        nobody.get(missing).send().await.refused(404, "Not Found");
    }
    let name = outside.file_name().expect("a name").to_string_lossy().into_owned();
    for escape in [
        format!("/assets/../../{name}"),
        format!("/assets/..%2f..%2f{name}"),
        "/icons/%2e%2e/secret.txt".to_owned(),
    ] {
        let raw = causeway_tests::RawRequest::new(product.address(), "GET", &escape)
            .body(b"")
            .send()
            .await
            .expect("an answer");
        assert!(
            !raw.text.contains("outside") || raw.text.contains("<!doctype html>"),
            "{escape}: {}",
            raw.text
        );
        assert!(!raw.text.contains("not a part of"), "{escape}");
    }
    std::fs::remove_file(outside).expect("the file outside");
}
