//! Putting files onto the share, and what happens to the old ones meanwhile.

use std::time::Duration;

use causeway_tests::{Pattern, RawRequest, Share, World};
use rand::Rng as _;
use reqwest::multipart::{Form, Part};

const MIB: u64 = 1024 * 1024;

fn writer(world: &World) -> Share {
    world.editor().on(world.connection())
}

#[tokio::test]
async fn a_browser_uploads_a_new_file_and_a_newer_one() {
    let world = World::shared().await;
    let folder = world.folder("upload");
    let path = folder.at("note ☂.txt");
    for content in ["first", "", "the third is longer"] {
        let stored = writer(&world).upload(&path, content).send().await.expect(200).json();
        assert_eq!((stored["status"].as_str(), stored["path"].as_str()), (Some("ok"), Some(path.as_str())));
        assert_eq!(stored["size"], content.len());
        assert!(stored["last_modified"].is_string());
        assert_eq!(folder.read("note ☂.txt"), content.as_bytes());
    }
    assert_eq!(folder.names(""), ["note ☂.txt"]);
}

#[tokio::test]
async fn raw_content_is_put_under_conditions() {
    let world = World::shared().await;
    let folder = world.folder("put");
    let share = writer(&world);
    let path = folder.at("a.txt");
    let _ = share.put(&path, "one").header("if-none-match", "*").send().await.expect(201).json();
    assert_eq!(share.put(&path, "two").header("if-none-match", "*").send().await.status(), 412);
    assert_eq!(share.put(&path, "two").header("if-match", "\"other\"").send().await.status(), 412);
    assert_eq!(folder.read("a.txt"), b"one");

    let tag = share.head("file", &path).send().await.expect(200).header("etag").to_owned();
    let _ = share.put(&path, "two").header("if-match", &tag).send().await.expect(200).json();
    assert_eq!(
        share.put(&path, "three").header("if-match", &tag).send().await.status(),
        412,
        "the tag is of the old file"
    );
    assert_eq!(folder.read("a.txt"), b"two");
    assert_eq!(share.put(&folder.at("b.txt"), "x").header("if-match", "*").send().await.status(), 412);
    let _ = share.put(&path, "").send().await.expect(200).json();
    assert_eq!(folder.read("a.txt"), b"");
    assert_eq!(folder.names(""), ["a.txt"]);
}

#[tokio::test]
async fn sixty_four_mebibytes_are_stored_unchanged() {
    let world = World::shared().await;
    let folder = world.folder("large-upload");
    let (pattern, length) = (Pattern::new(9), 64 * MIB + 3);
    let share = writer(&world);
    let stored =
        share.upload(&folder.at("multipart.bin"), pattern.reader(length)).send().await.expect(200).json();
    assert_eq!(stored["size"], length);
    let stored = share.put(&folder.at("raw.bin"), pattern.reader(length)).send().await.expect(201).json();
    assert_eq!(stored["size"], length);
    for name in ["multipart.bin", "raw.bin"] {
        assert!(pattern.is_file(&folder.on_disk(name), length).expect("the file"), "{name}");
    }
}

#[tokio::test]
async fn an_upload_needs_a_place_and_a_part() {
    let world = World::shared().await;
    let folder = world.folder("refused-upload");
    folder.make_directory("dir");
    let share = writer(&world);
    for ask in [share.upload(&folder.at("none/a.txt"), "x"), share.put(&folder.at("none/a.txt"), "x")] {
        ask.send().await.expect(404).detail();
    }
    for ask in [share.upload(&folder.at("dir"), "x"), share.put(&folder.at("dir"), "x")] {
        ask.send().await.expect(409).detail();
    }
    for ask in [share.upload("", "x"), share.put("/", "x"), share.put(&folder.at("what?"), "x")] {
        ask.send().await.expect(400).detail();
    }
    let at = format!("/api/browse/{}/upload", world.connection());
    let without =
        share.user().post(&at).query("path", &folder.at("a.txt")).form(Form::new().text("other", "x"));
    let answer = without.send().await.expect(422).json();
    assert_eq!(answer["detail"][0]["loc"], serde_json::json!(["body", "file"]));
    assert_eq!(folder.names(""), ["dir"]);
}

#[tokio::test]
async fn a_refusal_reaches_who_is_still_sending() {
    let world = World::shared().await;
    let folder = world.folder("refused-early");
    folder.make_directory("dir");
    let (share, path, pattern) = (writer(&world), folder.at("dir"), Pattern::new(4));
    let content = || pattern.reader(16 * MIB);
    for _ in 0..25 {
        // It is there long before the body.
        for ask in [share.upload(&path, content()), share.put(&path, content())] {
            ask.send().await.expect(409).detail();
        }
    }
}

#[tokio::test]
async fn further_parts_of_a_form_do_no_harm() {
    let world = World::shared().await;
    let folder = world.folder("parts");
    let form = Form::new()
        .text("comment", "before")
        .part("file", Part::bytes(b"content".as_slice()).file_name("../../evil"))
        .text("after", "after");
    let at = format!("/api/browse/{}/upload", world.connection());
    let ask = world.editor().post(&at).query("path", &folder.at("a.txt")).form(form);
    assert_eq!(ask.send().await.expect(200).json()["size"], 7);
    assert_eq!(folder.names(""), ["a.txt"]);
    assert_eq!(folder.read("a.txt"), b"content");
}

/// An upload as it goes over the wire.
fn wire(share: &Share, path: &str, content: &[u8], multipart: bool) -> RawRequest {
    let user = share.user();
    let path = path.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02X}"));
    let request = |method: &str, route: &str| {
        let target = format!("/api/browse/{}/{route}?path={path}", share.connection());
        RawRequest::new(user.address(), method, &target)
            .header("authorization", &format!("Bearer {}", user.token()))
    };
    if !multipart {
        return request("PUT", "content").header("content-length", &content.len().to_string()).body(content);
    }
    let head = b"--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n".as_slice();
    let body = [head, content, b"\r\n--edge--\r\n"].concat();
    request("POST", "upload")
        .header("content-type", "multipart/form-data; boundary=edge")
        .header("content-length", &body.len().to_string())
        .body(&body)
}

#[tokio::test]
async fn an_upload_cut_anywhere_leaves_the_old_content() {
    const TIMES: usize = 100;
    let world = World::shared().await;
    let folder = world.folder("cut");
    folder.write("old.bin", "the old content");
    let share = writer(&world);
    let content = Pattern::new(21).bytes(0, 3_000_000);
    for time in 0..TIMES {
        let request = wire(&share, &folder.at("old.bin"), &content, time % 2 == 0);
        let at = rand::rng().random_range(1..request.len());
        request.break_off_after(at).await.expect("a broken request");
        if time % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(rand::rng().random_range(0..50))).await;
        }
        assert_eq!(folder.read("old.bin"), b"the old content", "cut after {at} bytes");
    }
    world.until("the rubbish is gone", || folder.rubbish().is_empty()).await;
    assert_eq!(folder.names(""), ["old.bin"]);
    assert_eq!(folder.read("old.bin"), b"the old content");
    let whole = wire(&share, &folder.at("old.bin"), b"new", true).send().await.expect("an answer");
    assert_eq!(whole.status, 200, "{}", whole.text);
    assert_eq!(folder.read("old.bin"), b"new");
}

#[tokio::test]
async fn a_form_that_ends_too_early_is_refused() {
    let world = World::shared().await;
    let folder = world.folder("short-form");
    folder.write("old.txt", "old");
    let at = format!("/api/browse/{}/upload", world.connection());
    let bodies = [
        "--edge\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\nno end",
        "--edge\r\ncontent-disposition: form-data; name=\"file\"",
        "",
        "no form at all",
    ];
    for body in bodies {
        let ask = world.editor().post(&at).query("path", &folder.at("old.txt"));
        let ask = ask.header("content-type", "multipart/form-data; boundary=edge").body(body);
        let status = ask.send().await.status();
        assert!(matches!(status, 400 | 422), "{body:?}: {status}");
    }
    for kind in ["text/plain", "multipart/form-data", "application/json"] {
        let ask = world
            .editor()
            .post(&at)
            .query("path", &folder.at("old.txt"))
            .header("content-type", kind)
            .body("x");
        let status = ask.send().await.status();
        assert!(matches!(status, 400 | 415 | 422), "{kind}: {status}");
    }
    assert_eq!(folder.read("old.txt"), b"old");
    world.until("the rubbish is gone", || folder.rubbish().is_empty()).await;
}

#[tokio::test]
async fn concurrent_uploads_of_one_file_leave_one_of_them_whole() {
    const LENGTH: usize = 300_000;
    let world = World::shared().await;
    let folder = world.folder("concurrent");
    folder.write("a.bin", "old");
    let patterns: Vec<Pattern> = (0..8).map(Pattern::new).collect();
    let path = folder.at("a.bin");
    let uploads = patterns.iter().map(|pattern| writer(&world).put(&path, pattern.bytes(0, LENGTH)).send());
    let answers = futures::future::join_all(uploads).await;
    let stored = answers.iter().filter(|answer| matches!(answer.status(), 200 | 201)).count();
    assert!(stored >= 1);
    for answer in answers.iter().filter(|answer| !matches!(answer.status(), 200 | 201)) {
        assert!(matches!(answer.status(), 409 | 423), "{}", answer.status());
    }
    let content = folder.read("a.bin");
    assert!(
        patterns.iter().any(|pattern| pattern.bytes(0, LENGTH) == content),
        "a mixture of several uploads"
    );
    world.until("the rubbish is gone", || folder.rubbish().is_empty()).await;
}

#[tokio::test]
async fn readers_see_the_old_file_or_the_new_one() {
    const LENGTH: u64 = 2 * MIB;
    let world = World::shared().await;
    let folder = world.folder("old-or-new");
    let patterns = [Pattern::new(1), Pattern::new(2)];
    patterns[0].write_file(&folder.on_disk("a.bin"), LENGTH).expect("a file");
    let path = folder.at("a.bin");
    let share = writer(&world);
    let writing = async {
        for round in 1..12 {
            let answer = share.put(&path, patterns[round % 2].reader(LENGTH)).send().await;
            assert!(matches!(answer.status(), 200 | 409 | 423), "{}", answer.status());
        }
    };
    let reading = async {
        for _ in 0..24 {
            let answer = share.download(&path).send().await.expect(200);
            let whole = patterns.iter().any(|pattern| pattern.bytes(0, 2_097_152) == answer.body()[..]);
            assert!(whole, "{} bytes of a mixture", answer.body().len());
        }
    };
    tokio::join!(writing, reading);
}
