//! Looking at files and taking them home.

use std::time::Duration;

use causeway_tests::{Pattern, Proxy, World};
use futures::StreamExt as _;

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn a_file_is_viewed_inline_and_downloaded_as_an_attachment() {
    let world = World::shared().await;
    let folder = world.folder("view");
    folder.write("grüße.txt", "hello");
    let share = world.viewer().on(world.connection());
    let path = folder.at("grüße.txt");
    let viewed = share.view(&path).send().await.expect(200);
    assert_eq!(viewed.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(viewed.header("content-disposition"), "inline; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt");
    assert_eq!((viewed.header("content-length"), viewed.header("accept-ranges")), ("5", "bytes"));
    assert!(viewed.header("etag").starts_with('"'), "a strong entity tag");
    assert!(viewed.header("last-modified").ends_with("GMT"));
    assert_eq!(viewed.text(), "hello");
    let downloaded = share.download(&path).send().await.expect(200);
    assert_eq!(downloaded.header("content-type"), "application/octet-stream");
    assert_eq!(downloaded.header("content-disposition"), "attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt");
    assert_eq!(downloaded.header("etag"), viewed.header("etag"));
}

#[tokio::test]
async fn pages_and_drawings_from_the_share_cannot_act() {
    let world = World::shared().await;
    let folder = world.folder("harmless");
    folder.write("page.html", "<script>alert(1)</script>");
    folder.write("drawing.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
    let share = world.viewer().on(world.connection());
    for name in ["page.html", "drawing.svg"] {
        let answer = share.view(&folder.at(name)).send().await.expect(200);
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("allow-scripts"), "{policy}");
    }
}

#[tokio::test]
async fn an_empty_file_is_an_answer_of_length_zero() {
    let world = World::shared().await;
    let folder = world.folder("empty");
    folder.write("empty.bin", "");
    let share = world.viewer().on(world.connection());
    let path = folder.at("empty.bin");
    for ask in [share.download(&path), share.view(&path), share.head("download", &path)] {
        let answer = ask.send().await.expect(200);
        assert_eq!((answer.header("content-length"), answer.body().len()), ("0", 0));
    }
    // A client that asks for ranges always is not to stumble over an empty file: the range is ignored (RFC 9110 14.2).
    assert_eq!(share.download(&path).header("range", "bytes=0-").send().await.status(), 200);
}

#[tokio::test]
async fn head_says_what_get_would_say() {
    let world = World::shared().await;
    let folder = world.folder("head");
    folder.write("a.txt", "0123456789");
    let share = world.viewer().on(world.connection());
    let path = folder.at("a.txt");
    let (got, headed) =
        (share.view(&path).send().await.expect(200), share.head("file", &path).send().await.expect(200));
    for name in
        ["content-type", "content-length", "etag", "last-modified", "content-disposition", "accept-ranges"]
    {
        assert_eq!(got.header(name), headed.header(name), "{name}");
    }
    assert!(headed.body().is_empty());
    let missing = share.head("file", &folder.at("none")).send().await.expect(404);
    assert!(missing.body().is_empty());
}

#[tokio::test]
async fn ranges_cut_out_exactly_what_was_asked_for() {
    let world = World::shared().await;
    let folder = world.folder("ranges");
    folder.write("digits.txt", "0123456789");
    let share = world.viewer().on(world.connection());
    let path = folder.at("digits.txt");
    for (range, content_range, content) in [
        ("bytes=0-3", "bytes 0-3/10", "0123"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-2", "bytes 8-9/10", "89"),
        ("bytes=9-999", "bytes 9-9/10", "9"),
        ("bytes=-999", "bytes 0-9/10", "0123456789"),
    ] {
        for ask in [share.download(&path), share.view(&path)] {
            let answer = ask.header("range", range).send().await.expect(206);
            assert_eq!(
                (answer.header("content-range"), answer.text().as_str()),
                (content_range, content),
                "{range}"
            );
            assert_eq!(answer.header("content-length"), content.len().to_string());
        }
    }
    let answer = share.download(&path).header("range", "bytes=10-").send().await.expect(416);
    assert_eq!(answer.header("content-range"), "bytes */10");
    for ignored in ["bytes=", "bytes=x-y", "bytes=5-2", "lines=1-2"] {
        let answer = share.download(&path).header("range", ignored).send().await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "0123456789"), "{ignored}");
    }
}

#[tokio::test]
async fn several_ranges_come_as_parts() {
    let world = World::shared().await;
    let folder = world.folder("parts");
    folder.write("digits.txt", "0123456789");
    let share = world.viewer().on(world.connection());
    let ask = share.view(&folder.at("digits.txt")).header("range", "bytes=0-1,5-6,-1");
    let answer = ask.send().await.expect(206);
    let kind = answer.header("content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("parts").trim_matches('"');
    let text = answer.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 5, "{text}");
    for (part, range, content) in [(1, "0-1", "01"), (2, "5-6", "56"), (3, "9-9", "9")] {
        let part = parts[part].to_lowercase();
        assert!(part.contains(&format!("content-range: bytes {range}/10")), "{part}");
        assert!(part.contains("content-type: text/plain"), "{part}");
        assert!(part.ends_with(&format!("\r\n\r\n{content}\r\n")), "{part}");
    }
    assert_eq!(answer.header("content-length"), text.len().to_string());
}

#[tokio::test]
async fn conditions_decide_whether_content_travels() {
    let world = World::shared().await;
    let folder = world.folder("conditions");
    folder.write("a.txt", "first");
    let share = world.viewer().on(world.connection());
    let path = folder.at("a.txt");
    let first = share.view(&path).send().await.expect(200);
    let (tag, date) = (first.header("etag").to_owned(), first.header("last-modified").to_owned());

    for (name, value) in
        [("if-none-match", tag.as_str()), ("if-none-match", "*"), ("if-modified-since", &date)]
    {
        let answer = share.view(&path).header(name, value).send().await.expect(304);
        assert!(answer.body().is_empty());
        assert_eq!(answer.header("etag"), tag);
    }
    assert_eq!(share.view(&path).header("if-match", &tag).send().await.status(), 200);
    assert_eq!(share.view(&path).header("if-match", "\"other\"").send().await.status(), 412);
    assert_eq!(
        share.view(&path).header("if-range", &tag).header("range", "bytes=0-0").send().await.status(),
        206
    );

    tokio::time::sleep(Duration::from_millis(20)).await;
    folder.write("a.txt", "other");
    let second = share.view(&path).header("if-none-match", &tag).send().await.expect(200);
    assert_eq!(second.text(), "other");
    assert_ne!(second.header("etag"), tag, "another content is another version");
    let answer =
        share.view(&path).header("if-range", &tag).header("range", "bytes=0-0").send().await.expect(200);
    assert_eq!(answer.text(), "other", "a stale If-Range gets the whole file");
    assert_eq!(share.view(&path).header("if-match", &tag).send().await.status(), 412);
}

#[tokio::test]
async fn sixty_four_mebibytes_arrive_unchanged() {
    let world = World::shared().await;
    let folder = world.folder("large");
    let (pattern, length) = (Pattern::new(3), 64 * MIB);
    pattern.write_file(&folder.on_disk("large.bin"), length).expect("a large file");
    let share = world.viewer().on(world.connection());
    let path = folder.at("large.bin");
    let response = share.download(&path).stream().await.expect("an answer");
    assert_eq!(response.content_length(), Some(length));
    assert_eq!(pattern.check(response, 0).await.expect("the right bytes"), length);
    let offset = 40 * MIB + 12_345;
    let range = format!("bytes={offset}-{}", offset + 5 * MIB - 1);
    let response = share.download(&path).header("range", &range).stream().await.expect("an answer");
    assert_eq!(response.status(), 206);
    assert_eq!(pattern.check(response, offset).await.expect("the right bytes"), 5 * MIB);
}

#[tokio::test]
async fn what_is_no_file_cannot_be_downloaded() {
    let world = World::shared().await;
    let folder = world.folder("no-file");
    let share = world.viewer().on(world.connection());
    share.view(folder.path()).send().await.refused(400, "Cannot view a directory");
    share.download(folder.path()).send().await.refused(400, "Path is not a file");
    let missing = folder.at("none");
    for ask in [share.view(&missing), share.download(&missing)] {
        ask.send().await.refused(404, &format!("File not found: {missing}"));
    }
}

#[tokio::test]
async fn an_abandoned_download_closes_the_file() {
    let world = World::shared().await;
    let folder = world.folder("abandoned");
    Pattern::new(5).write_file(&folder.on_disk("large.bin"), 256 * MIB).expect("a large file");
    let share = world.viewer().on(world.connection());
    for _ in 0..8 {
        let response = share.download(&folder.at("large.bin")).stream().await.expect("an answer");
        let mut body = response.bytes_stream();
        assert!(body.next().await.expect("a beginning").is_ok());
    }
    world.until("the file is closed", || !world.is_open(&folder, "large.bin")).await;
}

#[tokio::test]
async fn a_share_that_vanishes_breaks_the_download_and_nothing_else() {
    let world = World::shared().await;
    let folder = world.folder("vanishes");
    Pattern::new(6).write_file(&folder.on_disk("large.bin"), 256 * MIB).expect("a large file");
    let proxy = Proxy::start(world.samba_port()).expect("a relay");
    let mut draft = world.draft("vanishing");
    draft["port"] = proxy.port().into();
    let share = world.admin().on(&world.connect(&world.admin(), draft).await);
    let response = share.download(&folder.at("large.bin")).stream().await.expect("an answer");
    let mut body = response.bytes_stream();
    assert!(body.next().await.expect("a beginning").is_ok());
    proxy.cut();
    let mut broken = false;
    while let Some(chunk) = body.next().await {
        if chunk.is_err() {
            broken = true;
            break;
        }
    }
    assert!(broken, "a short body must not look like a whole one");
    world.viewer().on(world.connection()).info(&folder.at("large.bin")).send().await.expect(200).json();
    proxy.restore();
    world.until_answered(200, || share.info(&folder.at("large.bin"))).await;
}
