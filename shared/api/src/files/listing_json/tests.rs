use causeway_internal::files::ItemInfo;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::files::{DirectoryListing, FileInfo};

fn item(name: &str, kind: ItemKind, size: u64, created: u64, modified: u64) -> ItemInfo {
    ItemInfo {
        name: name.to_owned(),
        kind,
        size,
        created: FileTime::from_raw(created),
        modified: FileTime::from_raw(modified),
        changed: FileTime::from_raw(modified),
        attributes: 0,
        file_id: 7,
    }
}

/// What serde makes of the same listing: the slow form is the definition of the fast one.
fn by_serde(directory: &SharePath, items: &[ItemInfo]) -> Value {
    let items = items.iter().map(|item| {
        let path = SharePath::default();
        let below = if directory.is_root() { String::new() } else { format!("{directory}/") };
        // A single item's path is parsed; a listing passes on names that no client could have sent.
        let mut info = FileInfo::single(&path, &ItemInfo { name: String::new(), ..item.clone() });
        info.name.clone_from(&item.name);
        info.path = format!("{below}{}", item.name);
        info.mime_type = (item.kind == ItemKind::File).then(|| mime_type(&item.name));
        info.is_hidden = item.name.starts_with('.');
        info.stable_id = None;
        info
    });
    let items: Vec<FileInfo> = items.collect();
    let total = items.len() as u64;
    serde_json::to_value(DirectoryListing {
        path: shown_path(directory).to_owned(),
        items,
        total,
        next_cursor: None,
    })
    .unwrap()
}

fn by_hand(directory: &SharePath, items: &[ItemInfo]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ListingWriter::open(directory, &mut out);
    for item in items {
        writer.item(&item.into(), &mut out);
    }
    writer.close(&mut out);
    out
}

#[test]
fn a_directory_looks_as_the_browser_expects() {
    let items = [
        item("sub", ItemKind::Directory, 0, 134_119_838_880_000_000, 134_119_838_880_000_000),
        item("a \"b\".TXT", ItemKind::File, 58, 134_119_838_885_779_420, 0),
        item(".hidden", ItemKind::File, 0, 0, 0),
    ];
    let text = String::from_utf8(by_hand(&SharePath::parse("docs").unwrap(), &items)).unwrap();
    assert!(text.starts_with(
        r#"{"path":"docs","items":[{"name":"sub","path":"docs/sub","type":"directory","size":null,"mime_type":null,"created_at":""#
    ));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["total"], 3);
    assert_eq!(value["items"][1]["path"], "docs/a \"b\".TXT");
    assert_eq!(value["items"][1]["mime_type"], "text/plain");
    assert_eq!(value["items"][1]["modified_at"], Value::Null);
    assert_eq!(value["items"][2]["is_hidden"], true);
    assert_eq!(value.as_object().unwrap().len(), 3);
}

#[test]
fn times_at_the_ends_of_the_calendar() {
    assert_eq!(time_text(0), "null");
    assert_eq!(time_text(1), r#""1601-01-01T00:00:00Z""#);
    assert_eq!(time_text(265_046_774_400 * 10_000_000 - 1), r#""9999-12-31T23:59:59.999999Z""#);
    assert_eq!(time_text(265_046_774_400 * 10_000_000), "null");
    assert_eq!(time_text(u64::MAX), "null");
}

#[test]
fn the_root_is_a_slash_and_its_items_have_bare_names() {
    let text = by_hand(&SharePath::root(), &[item("small", ItemKind::Directory, 0, 0, 0)]);
    let value: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(value["path"], "/");
    assert_eq!(value["items"][0]["path"], "small");
}

#[test]
fn a_page_says_where_the_next_one_begins() {
    let mut out = Vec::new();
    let writer = ListingWriter::open(&SharePath::root(), &mut out);
    writer.close_page(12, Some("x\"y"), &mut out);
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value, json!({"path": "/", "items": [], "total": 12, "next_cursor": "x\"y"}));
}

fn time_text(raw: u64) -> String {
    let mut out = Vec::new();
    TimeText::default().push(FileTime::from_raw(raw), &mut out);
    String::from_utf8(out).unwrap()
}

proptest! {
    #[test]
    fn times_read_as_everywhere(raw in 0..300_000_000_000_000_000_u64) {
        let expected = FileTime::from_raw(raw).to_rfc3339_z().map_or("null".to_owned(), |text| format!("\"{text}\""));
        prop_assert_eq!(time_text(raw), expected);
    }

    #[test]
    fn the_fast_text_says_what_serde_would(
        directory in "([^/\\\\\\x00-\\x1f\\x7f:*?\"<>|. ]{1,8}/){0,3}",
        names in prop::collection::vec((any::<String>(), any::<bool>(), any::<u64>(), any::<u64>(), any::<u64>()), 0..20),
    ) {
        let directory = SharePath::parse(&directory).unwrap();
        let items: Vec<ItemInfo> = names
            .iter()
            .map(|(name, is_file, size, created, modified)| {
                let kind = if *is_file { ItemKind::File } else { ItemKind::Directory };
                item(name, kind, *size, *created, *modified)
            })
            .collect();
        let text = by_hand(&directory, &items);
        let value: Value = serde_json::from_slice(&text).unwrap();
        prop_assert_eq!(value, by_serde(&directory, &items));
    }
}
