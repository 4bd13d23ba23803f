use causeway_versions::FileTime;
use serde_json::json;

use super::*;

fn item(name: &str, kind: ItemKind) -> ItemInfo {
    ItemInfo {
        name: name.to_owned(),
        kind,
        size: 58,
        created: FileTime::from_unix_micros(1_767_323_045_678_900),
        modified: FileTime::from_unix_micros(1_767_323_045_000_000),
        changed: FileTime::UNKNOWN,
        attributes: 0x20,
        file_id: 10_192_110,
    }
}

#[test]
fn a_file_has_every_field() {
    let path = SharePath::parse("/docs//readme.md/").unwrap();
    let info = FileInfo::single(&path, &item("readme.md", ItemKind::File));
    assert_eq!(
        serde_json::to_value(info).unwrap(),
        json!({
            "name": "readme.md",
            "path": "docs/readme.md",
            "type": "file",
            "size": 58,
            "mime_type": "text/markdown",
            "created_at": "2026-01-02T03:04:05.678900Z",
            "modified_at": "2026-01-02T03:04:05Z",
            "stable_id": "10192110",
            "is_readable": true,
            "is_hidden": false,
        })
    );
}

#[test]
fn the_root_has_no_name_whatever_the_share_calls_it() {
    let info =
        FileInfo::single(&SharePath::root(), &ItemInfo { file_id: 0, ..item("prefix", ItemKind::Directory) });
    let value = serde_json::to_value(info).unwrap();
    assert_eq!(
        (&value["name"], &value["path"], &value["type"]),
        (&json!(""), &json!(""), &json!("directory"))
    );
    for unknown in ["size", "mime_type", "stable_id"] {
        assert_eq!(value[unknown], json!(null), "{unknown}");
    }
}

#[test]
fn an_upload_is_answered_with_what_is_there_now() {
    let path = SharePath::parse("tr/up.txt").unwrap();
    let answer = UploadAnswer::stored(&path, &item("up.txt", ItemKind::File));
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"status":"ok","path":"tr/up.txt","size":58,"last_modified":"2026-01-02T03:04:05Z"}"#
    );
}
