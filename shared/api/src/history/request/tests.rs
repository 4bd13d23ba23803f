use causeway_history::PlaceError;
use serde_json::json;

use super::{HistorySearch, RecordedDirectory, RecordedFile};

fn directory(connection_id: &str, path: &str, is_directory: bool) -> RecordedDirectory {
    RecordedDirectory { connection_id: connection_id.to_owned(), path: path.to_owned(), is_directory }
}

#[test]
fn a_visit_is_read_as_it_was_sent() {
    let recorded = directory("local-drive:c", "a/b", true).checked().unwrap();
    let place = recorded.place().unwrap();
    assert_eq!((place.connection_id().as_str(), place.path()), ("local-drive:c", "a/b"));
    let root = directory("local-drive:c", " ", true).checked().unwrap();
    assert_eq!(root.place(), Err(PlaceError::NotRelative));
    assert!(directory(&"x".repeat(256), &"ü".repeat(4096), true).checked().is_ok());
}

#[test]
fn all_fields_that_cannot_be_are_reported() {
    let errors = directory("", &"x".repeat(4097), false).checked().unwrap_err();
    let errors = serde_json::to_value(errors).unwrap();
    assert_eq!(
        errors[0],
        json!({
            "type": "string_too_short", "loc": ["body", "connection_id"], "input": "",
            "msg": "String should have at least 1 character", "ctx": { "min_length": 1 },
        })
    );
    assert_eq!(errors[1]["msg"], "String should have at most 4096 characters");
    assert_eq!(errors[1]["input"], "x".repeat(64));
    assert_eq!(
        errors[2],
        json!({
            "type": "literal_error", "loc": ["body", "is_directory"], "input": false,
            "msg": "Input should be True", "ctx": { "expected": "True" },
        })
    );
    let file = RecordedFile { connection_id: "x".into(), path: "y".into(), is_regular_file: false };
    assert_eq!(file.checked().unwrap_err()[0].loc, ["body", "is_regular_file"]);
}

#[test]
fn a_search_has_its_bounds() {
    let search = |q, limit| HistorySearch::parse(q, limit).map(|search| (search.query, search.limit));
    assert_eq!(search(None, None).unwrap(), (String::new(), 10));
    assert_eq!(search(Some(" a "), Some("50")).unwrap(), (" a ".to_owned(), 50));
    for wrong in ["0", "51", "-1", "many", ""] {
        assert_eq!(search(None, Some(wrong)).unwrap_err()[0].loc, ["query", "limit"], "{wrong}");
    }
    let (longest, too_long) = ("é".repeat(1024), "é".repeat(1025));
    assert!(search(Some(&longest), None).is_ok());
    assert_eq!(search(Some(&too_long), Some("0")).unwrap_err().len(), 2);
}
