//! Looking around: listings and information.

use std::collections::BTreeSet;

use causeway_tests::World;
use serde_json::Value;

fn names(listing: &Value) -> Vec<String> {
    let items = listing["items"].as_array().expect("items");
    items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_listing_tells_what_is_there() {
    let world = World::shared().await;
    let folder = world.folder("listing");
    folder.write("photo.JPG", "not really");
    folder.write(".hidden", "");
    folder.make_directory("sub");
    let share = world.viewer().on(world.connection());
    let listing = share.list(folder.path()).send().await.expect(200).json();
    assert_eq!(listing["path"], folder.path());
    assert_eq!(listing["total"], 3);
    let item = |name: &str| {
        let items = listing["items"].as_array().expect("items");
        items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let photo = item("photo.JPG");
    assert_eq!(photo["path"], folder.at("photo.JPG"));
    assert_eq!((photo["type"].as_str(), photo["size"].as_u64()), (Some("file"), Some(10)));
    assert_eq!(photo["mime_type"], "image/jpeg");
    assert_eq!((photo["is_readable"].as_bool(), photo["is_hidden"].as_bool()), (Some(true), Some(false)));
    assert!(photo["modified_at"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert!(photo.get("stable_id").is_some_and(Value::is_null));
    assert_eq!(item(".hidden")["is_hidden"], true);
    let sub = item("sub");
    assert_eq!(sub["type"], "directory");
    assert!(sub["size"].is_null() && sub["mime_type"].is_null());
}

#[tokio::test]
async fn the_root_is_called_slash() {
    let world = World::shared().await;
    let share = world.viewer().on(world.connection());
    let listing = share.list("").send().await.expect(200).json();
    assert_eq!(listing["path"], "/");
    let info = share.info("").send().await.expect(200).json();
    assert_eq!((info["name"].as_str(), info["type"].as_str()), (Some(""), Some("directory")));
}

#[tokio::test]
async fn info_tells_of_one_item() {
    let world = World::shared().await;
    let folder = world.folder("info");
    folder.write("report.pdf", "%PDF");
    let share = world.viewer().on(world.connection());
    let path = folder.at("report.pdf");
    let info = share.info(&path).send().await.expect(200).json();
    assert_eq!((info["name"].as_str(), info["path"].as_str()), (Some("report.pdf"), Some(path.as_str())));
    assert_eq!((info["size"].as_u64(), info["mime_type"].as_str()), (Some(4), Some("application/pdf")));
    assert!(info["stable_id"].as_str().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit())));
    let missing = folder.at("none.txt");
    share.info(&missing).send().await.refused(404, &format!("Path not found: {missing}"));
    let below_a_file = folder.at("report.pdf/x");
    share.info(&below_a_file).send().await.refused(404, &format!("Path not found: {below_a_file}"));
}

#[tokio::test]
async fn a_missing_directory_is_not_found() {
    let world = World::shared().await;
    let folder = world.folder("missing");
    folder.write("file.txt", "");
    let share = world.viewer().on(world.connection());
    share.list(&folder.at("nope")).send().await.refused_with(404, "Directory not found");
    share.list(&folder.at("file.txt")).send().await.expect(400).detail();
}

#[tokio::test]
async fn names_of_any_script_come_through() {
    let world = World::shared().await;
    let folder = world.folder("unicode");
    let long = "n".repeat(251) + ".txt";
    let odd = [
        "Übergröße ☂.txt",
        "日本語.md",
        "e\u{301}-combining.txt",
        "emoji 😀👩‍👩‍👧.txt",
        "percent%20and+plus&amp.txt",
        "quote'and#hash;semi.txt",
        " leading space.txt",
        "ⅷ.txt",
        "עברית.txt",
        "a=b[c]{d}~^`!.txt",
        long.as_str(),
    ];
    for name in odd {
        folder.write(name, name);
    }
    let share = world.viewer().on(world.connection());
    let listing = share.list(folder.path()).send().await.expect(200).json();
    let found: BTreeSet<String> = names(&listing).into_iter().collect();
    assert_eq!(found, odd.iter().map(|name| (*name).to_owned()).collect());
    for name in odd {
        let path = folder.at(name);
        assert_eq!(share.info(&path).send().await.expect(200).json()["name"], name);
        assert_eq!(share.download(&path).send().await.expect(200).text(), name);
    }
}

#[tokio::test]
async fn ten_thousand_entries_are_listed_whole_and_in_pages() {
    const COUNT: usize = 10_000;
    let world = World::shared().await;
    let folder = world.folder("ten-thousand");
    for number in 0..COUNT {
        folder.write(&format!("file-{number:05}.txt"), "");
    }
    folder.make_directory("zz-directory");
    let share = world.viewer().on(world.connection());
    let whole = share.list(folder.path()).send().await.expect(200).json();
    assert_eq!(whole["total"], COUNT + 1);
    assert_eq!(names(&whole).into_iter().collect::<BTreeSet<_>>().len(), COUNT + 1);

    let mut collected = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut ask = share.list(folder.path()).query("limit", "3000");
        if let Some(cursor) = &cursor {
            ask = ask.query("cursor", cursor);
        }
        let page = ask.send().await.expect(200).json();
        assert!(names(&page).len() <= 3000);
        collected.extend(names(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(collected.len(), COUNT + 1);
    assert_eq!(collected[0], "zz-directory", "directories come first");
    assert!(collected[1..].is_sorted(), "then files by name");
}

#[tokio::test]
async fn a_page_is_sorted_as_asked() {
    let world = World::shared().await;
    let folder = world.folder("sorted");
    for (name, size) in [("b.txt", 30), ("A.txt", 20), ("c.txt", 10)] {
        folder.write(name, vec![b'x'; size]);
    }
    folder.make_directory("d");
    let share = world.viewer().on(world.connection());
    let page = async |sort: &str| {
        names(&share.list(folder.path()).query("sort", sort).send().await.expect(200).json())
    };
    assert_eq!(page("name").await, ["d", "A.txt", "b.txt", "c.txt"]);
    assert_eq!(page("-name").await, ["d", "c.txt", "b.txt", "A.txt"]);
    assert_eq!(page("size").await, ["d", "c.txt", "A.txt", "b.txt"]);
    assert_eq!(page("-size").await, ["d", "b.txt", "A.txt", "c.txt"]);
    for (name, value) in [("sort", "colour"), ("limit", "0"), ("limit", "many"), ("cursor", "@@@")] {
        let status = share.list(folder.path()).query(name, value).send().await.status();
        assert!(matches!(status, 400 | 422), "{name}={value}: {status}");
    }
}

#[tokio::test]
async fn temporary_files_of_uploads_are_not_shown() {
    let world = World::shared().await;
    let folder = world.folder("temporary");
    folder.write("~causeway-0123456789abcdef0123456789abcdef.tmp", "half an upload");
    folder.write("real.txt", "");
    let share = world.viewer().on(world.connection());
    let listing = share.list(folder.path()).send().await.expect(200).json();
    assert_eq!(names(&listing), ["real.txt"]);
}
