//! What may stand in a history, what is left out, and what a search finds in it.

use causeway_history::{
    ExclusionCategory, FileSearchPolicy, HistoryPlace, HistoryQuery, LocalPath, NameRank, PlaceError,
    PolicyError,
};
use proptest::prelude::*;
use uuid::Uuid;

fn place(connection_id: &str, path: &str) -> Result<HistoryPlace, PlaceError> {
    HistoryPlace::parse(connection_id, path)
}

#[test]
fn an_item_is_on_a_connection_or_on_a_local_drive() {
    let id = Uuid::from_u128(7);
    let on_share = place(&id.simple().to_string(), " docs\\2026/plan.md\n").unwrap();
    assert_eq!(on_share.connection_id(), id.hyphenated().to_string());
    assert_eq!((on_share.path(), on_share.name()), ("docs/2026/plan.md", "plan.md"));
    assert_eq!(on_share.connection(), Some(id));

    let local = place("local-drive:c drive:1", "a:b/notes").unwrap();
    assert_eq!(local.connection_id(), "local-drive:c drive:1");
    assert_eq!((local.path(), local.name(), local.connection()), ("a:b/notes", "notes", None));

    assert_eq!(place("local-drive:", "a"), Err(PlaceError::EmptyDrive));
    for none in ["", " ", "local-drive", "Local-Drive:c", "42", "../x"] {
        assert_eq!(place(none, "a"), Err(PlaceError::NoConnection), "{none:?}");
    }
}

#[test]
fn a_path_is_relative_and_has_no_empty_steps() {
    for drive in ["local-drive:c", "00000000-0000-0000-0000-000000000007"] {
        for root in ["", " ", "\t\n", "/", "/a", "\\a", "//server/share", "\\\\server\\share", " /a"] {
            assert_eq!(place(drive, root), Err(PlaceError::NotRelative), "{root:?}");
        }
        for steps in ["a/", "a//b", "a\\\\b", ".", "..", "a/..", "../a", "a/./b", "a/../b", ".\\a", "a\\"] {
            assert_eq!(place(drive, steps), Err(PlaceError::Segment), "{steps:?}");
        }
    }
    for hostile in ["a\u{0}b", "a:stream", "a*", "docs/\u{1}", "a\tb", "... /x"] {
        let refused = place("00000000-0000-0000-0000-000000000007", hostile);
        assert!(matches!(refused, Err(PlaceError::Path(_))), "{hostile:?}: {refused:?}");
    }
}

#[test]
fn directories_are_found_by_any_part_of_their_path() {
    let query = HistoryQuery::new("  ÉTÉ/p ");
    assert!(query.finds_directory("Photos/e\u{301}te\u{301}/Paris"));
    assert!(query.finds_directory("été/photos"));
    assert!(!query.finds_directory("été"));
    assert!(HistoryQuery::new(" ").finds_directory("anything"));
}

#[test]
fn files_are_ranked_by_where_their_name_has_the_query() {
    let rank = |query: &str, path: &str| HistoryQuery::new(query).rank_file(path);
    assert_eq!(rank("plan.md", "docs/Plan.MD"), Some(NameRank::Exact));
    assert_eq!(rank("plan", "docs/plan.md"), Some(NameRank::Start));
    assert_eq!(rank("plan", "docs/my plan.md"), Some(NameRank::WordStart));
    assert_eq!(rank("plan", "floorplan-plan2.md"), Some(NameRank::WordStart), "the better of two places");
    assert_eq!(rank("md", "plan.md"), Some(NameRank::WordStart));
    assert_eq!(rank("plan", "floorplan.md"), Some(NameRank::Within));
    assert_eq!(rank("2", "a12"), Some(NameRank::Within), "digits belong to words");
    assert_eq!(rank("é", "aé"), Some(NameRank::Within));
    assert_eq!(rank("aa", "xaa-aaa"), Some(NameRank::WordStart));
    assert_eq!(rank("-a", "b--a"), Some(NameRank::WordStart), "a place within another");
    assert_eq!(rank("plan", "plan/other.md"), None, "the directory does not count");
    assert_eq!(rank("", "docs/a"), Some(NameRank::Within));
    assert_eq!(rank("strasse", "Straße.txt"), Some(NameRank::Start));
    assert!(NameRank::Exact < NameRank::Start && NameRank::WordStart < NameRank::Within);
}

#[test]
fn pictures_and_temporary_files_are_left_out_by_default() {
    let policy = FileSearchPolicy::default();
    for name in [
        "a.jpg",
        "A.JPEG",
        "x.y.Webp",
        "logo.svg",
        "~$Brief.docx",
        ".#notes",
        "notes~",
        "a.bak",
        "b.TMP",
        "film.mkv.part",
        "x.crdownload",
        ".vimrc.swp",
    ] {
        assert!(policy.excludes(name), "{name}");
    }
    for name in
        ["a.txt", "jpg", "a.jpg.txt", "~", ".old", ".tmp", "tmp", "a~b", "$~a", "bak.md", "a.jpgx", ""]
    {
        assert_eq!(policy.excludes(name), name == "~", "{name}");
    }
    let nothing = FileSearchPolicy { excluded_categories: [].into(), ..policy.clone() };
    assert!(!nothing.excludes("a.jpg") && !nothing.excludes("a~"));
    let pictures = FileSearchPolicy { excluded_categories: [ExclusionCategory::Images].into(), ..policy };
    assert!(pictures.excludes("a.jpg") && !pictures.excludes("a~"));
}

#[test]
fn extensions_are_literal() {
    let with = |extensions: &[&str]| FileSearchPolicy {
        excluded_extensions: extensions.iter().map(|&text| text.to_owned()).collect(),
        ..FileSearchPolicy::default()
    };
    let policy = with(&[" MP4 ", ".tar.GZ", "", "  ", "mp4", "."]).checked().unwrap();
    assert_eq!(policy.excluded_extensions, [".mp4", ".tar.gz"]);
    assert!(policy.excludes("film.MP4") && policy.excludes("a.Tar.gz"));
    assert!(!policy.excludes("a.gz") && !policy.excludes(".mp4") && !policy.excludes("mp4"));
    for pattern in ["*", "m?4", "[a]", "{a}", "a/b", "a\\b"] {
        assert_eq!(with(&[pattern]).checked(), Err(PolicyError::Pattern), "{pattern}");
    }
    assert_eq!(with(&[&"x".repeat(255)]).checked(), Err(PolicyError::LongExtension), "with its dot");
    assert!(with(&[&"x".repeat(254)]).checked().is_ok());
    let many: Vec<String> = (0..300).map(|number| format!("{}{number}", "x".repeat(240))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(with(&many).checked(), Err(PolicyError::TooLarge));
}

#[test]
fn limits_have_their_bounds() {
    let with = |retention_limit, result_limit| {
        FileSearchPolicy { retention_limit, result_limit, ..FileSearchPolicy::default() }.checked().err()
    };
    assert_eq!((with(0, 1), with(500, 50)), (None, None));
    assert_eq!(with(501, 10), Some(PolicyError::Retention));
    assert_eq!((with(50, 0), with(50, 51)), (Some(PolicyError::ResultLimit), Some(PolicyError::ResultLimit)));
    let partial: FileSearchPolicy = serde_json::from_str(r#"{"retention_limit": 7}"#).unwrap();
    assert_eq!(partial, FileSearchPolicy { retention_limit: 7, ..FileSearchPolicy::default() });
}

proptest! {
    #[test]
    fn what_may_be_recorded_is_read_back(path in "(\\PC|[/\\\\. ]){0,20}", drive in "\\PC{0,8}") {
        let id = format!("local-drive:{drive}");
        if let Ok(place) = HistoryPlace::parse(&id, &path) {
            prop_assert_eq!(HistoryPlace::parse(&place.connection_id(), place.path()), Ok(place.clone()));
            prop_assert!(place.path().split('/').all(|step| !matches!(step, "" | "." | "..")));
            prop_assert!(!place.name().is_empty() && place.path().ends_with(place.name()));
            let json = serde_json::to_string(&place).unwrap();
            prop_assert_eq!(serde_json::from_str::<HistoryPlace>(&json).unwrap(), place);
        }
        let id = Uuid::from_u128(7).to_string();
        if let Ok(place) = HistoryPlace::parse(&id, &path) {
            let local = LocalPath::parse(place.path()).unwrap();
            prop_assert_eq!(local.as_str(), place.path());
            prop_assert_eq!(HistoryPlace::parse(&id, place.path()), Ok(place));
        }
    }

    #[test]
    fn a_part_of_a_name_finds_it(before in "\\PC{0,5}", part in "[\\p{L}\\p{N}]{1,5}", after in "[^/]{0,5}") {
        let name = format!("{before}{part}{after}");
        prop_assume!(!name.contains('/'));
        for query in [part.clone(), part.to_uppercase()] {
            // Some capitals are written with other letters (`ŉ`).
            if causeway_text_folding::fold(&query) != causeway_text_folding::fold(&part) { continue }
            let path = format!("dir/{name}");
            prop_assert!(HistoryQuery::new(&query).rank_file(&path).is_some());
            prop_assert!(HistoryQuery::new(&query).finds_directory(&name));
        }
        let whole = HistoryQuery::new(&name);
        prop_assert!(whole.rank_file(&name).is_some());
    }

    #[test]
    fn a_checked_policy_stays_as_it_is(extensions in prop::collection::vec("\\PC{0,12}", 0..8)) {
        let policy = FileSearchPolicy { excluded_extensions: extensions, ..FileSearchPolicy::default() };
        if let Ok(checked) = policy.checked() {
            prop_assert_eq!(checked.clone().checked(), Ok(checked));
        }
    }

    #[test]
    fn letter_case_never_decides_what_is_left_out(name in "[a-zA-Z~$#.]{0,4}\\.(bak|JPG|Tmp|txt|Md)") {
        let policy = FileSearchPolicy::default();
        prop_assert_eq!(policy.excludes(&name), policy.excludes(&name.to_uppercase()));
    }
}
