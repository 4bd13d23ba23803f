//! The index against a model written from the rules and nothing else: a set of paths, searched one by one.

use std::collections::{BTreeMap, BTreeSet};

use causeway_directory_index::{DirectoryIndex, Found, MAX_RESULTS, Query, fold, snapshot};
use causeway_paths::{CaseRule, SharePath};
use proptest::prelude::*;

/// Paths as spelled, by key.
#[derive(Debug, Clone, Default)]
struct Model(BTreeMap<String, SharePath>);

fn key(path: &SharePath) -> String {
    path.canonical_key(CaseRule::Insensitive).as_str().to_owned()
}

fn is_below(key: &str, top: &str) -> bool {
    top.is_empty() || key == top || key.starts_with(&format!("{top}/"))
}

impl Model {
    fn spelled(&self, path: &SharePath) -> SharePath {
        self.0.get(&key(path)).cloned().unwrap_or_else(|| path.clone())
    }

    fn add(&mut self, path: &SharePath) {
        let mut spelled = SharePath::root();
        for name in path.segments() {
            spelled = self.spelled(&spelled.child(name).unwrap());
            self.0.entry(key(&spelled)).or_insert_with(|| spelled.clone());
        }
    }

    fn remove(&mut self, path: &SharePath) {
        self.0.retain(|at, _| !is_below(at, &key(path)));
    }

    fn reroot(&mut self, from: &SharePath, to: &SharePath) {
        let (from_key, to_key) = (key(from), key(to));
        let into_itself = to_key != from_key && is_below(&to_key, &from_key);
        if !self.0.contains_key(&from_key) || to.is_root() || into_itself {
            return;
        }
        let from = self.spelled(from);
        let moved: Vec<SharePath> =
            self.0.iter().filter(|(at, _)| is_below(at, &from_key)).map(|(_, path)| path.clone()).collect();
        self.remove(&from);
        self.remove(to);
        self.add(to);
        let to = self.spelled(to);
        for path in moved {
            self.add(&path.strip_prefix(&from).unwrap().under(&to).unwrap());
        }
    }

    /// The contract's rules, with folding for lower case, and words for those that it does not find.
    fn search(&self, text: &str, dotted: bool) -> Found {
        let query = fold(&text.replace('\\', "/"));
        if query.is_empty() {
            return Found::default();
        }
        let words: Vec<&str> = query.split_whitespace().collect();
        let mut ranked = BTreeSet::new();
        for path in self.0.values() {
            let folded = fold(path.as_str());
            if !dotted && path.segments().any(|name| name.starts_with('.')) {
                continue;
            }
            let name = fold(path.name().unwrap());
            let tier = if name == query {
                0
            } else if name.starts_with(&query) {
                1
            } else if folded.contains(&query) {
                2
            } else if words.len() > 1 && words.iter().all(|word| folded.contains(word)) {
                3
            } else {
                continue;
            };
            ranked.insert((tier, path.depth(), path.as_str().to_lowercase(), path.as_str().to_owned()));
        }
        Found {
            total: ranked.len(),
            paths: ranked.into_iter().map(|ranked| ranked.3).take(MAX_RESULTS).collect(),
        }
    }
}

fn search(index: &DirectoryIndex, text: &str, dotted: bool) -> Found {
    Query::parse(text).map_or_else(Found::default, |query| index.search(&query, dotted))
}

#[derive(Debug, Clone)]
enum Change {
    Add(SharePath),
    AddChildren(SharePath, Vec<String>),
    Remove(SharePath),
    Reroot(SharePath, SharePath),
    List(SharePath, Vec<String>),
    Compact,
    WriteAndRead,
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[abAB]{1,3}",
        2 => "[ab é-]{0,2}[ab]",
        1 => "\\.[ab]{1,2}",
        1 => prop::sample::select(vec![
            "Été", "E\u{301}te\u{301}", "ß", "SS", "ẞ", "İ", "ı", "Ⅷ", "℀", "ﬁ", "\u{301}", "日本", "が", "a．b", "K", "\u{212a}",
        ]).prop_map(str::to_owned),
    ]
}

fn path() -> impl Strategy<Value = SharePath> {
    prop::collection::vec(name(), 1..5).prop_map(|names| SharePath::parse(&names.join("/")).unwrap())
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => path().prop_map(Change::Add),
        3 => (path(), prop::collection::vec(name(), 0..6)).prop_map(|(at, names)| Change::AddChildren(at, names)),
        2 => path().prop_map(Change::Remove),
        4 => (path(), path()).prop_map(|(from, to)| Change::Reroot(from, to)),
        3 => (path(), prop::collection::vec(name(), 0..6)).prop_map(|(at, names)| Change::List(at, names)),
        1 => Just(Change::Compact),
        1 => Just(Change::WriteAndRead),
    ]
}

fn query() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[abé]{1,2}",
        3 => "[ab/ ]{1,5}",
        1 => "[ab]{1,2} [ab/]{1,2} ?[ab]?",
        1 => prop::sample::select(vec!["ete", "ss", "a\\b", "/", "//", "a/", "i", ".", "a.b", "k", " ", "a//"]).prop_map(str::to_owned),
    ]
}

const HEADER: snapshot::Header = snapshot::Header { connection: [7; 16], revision: 3, taken_at: -5 };

fn apply(change: &Change, index: &mut DirectoryIndex, model: &mut Model) {
    match change {
        Change::Add(path) => {
            let before = model.0.len();
            model.add(path);
            assert_eq!(index.add(path).unwrap(), model.0.len() - before);
        }
        Change::AddChildren(at, names) => {
            let before = model.0.len();
            model.add(at);
            let at = model.spelled(at);
            for name in names {
                model.add(&at.child(name).unwrap());
            }
            assert_eq!(index.add_children(&at, names).unwrap(), model.0.len() - before);
        }
        Change::Remove(path) => {
            let before = model.0.len();
            model.remove(path);
            assert_eq!(index.remove(path), before - model.0.len());
        }
        Change::Reroot(from, to) => {
            model.reroot(from, to);
            index.reroot(from, to).unwrap();
        }
        Change::List(at, names) => list(at, names, index, model),
        Change::Compact => *index = index.compacted(),
        Change::WriteAndRead => {
            let bytes = snapshot::encode(index, &HEADER);
            assert_eq!(snapshot::header(&bytes), Ok(HEADER));
            let (header, read) = snapshot::decode(&bytes, CaseRule::Insensitive).unwrap();
            assert_eq!(header, HEADER);
            *index = read;
        }
    }
}

/// What a listing shows is what is there: by the model's account exactly these children, by the index's after its own
/// comparison.
fn list(at: &SharePath, names: &[String], index: &mut DirectoryIndex, model: &mut Model) {
    let mut unlike = BTreeMap::new();
    for name in names {
        unlike.entry(key(&SharePath::parse(name).unwrap())).or_insert_with(|| name.clone());
    }
    let names: Vec<String> = unlike.into_values().collect();
    model.add(at);
    let at = model.spelled(at);
    let listed: Vec<SharePath> = names.iter().map(|name| at.child(name).unwrap()).collect();
    let keys: BTreeSet<String> = listed.iter().map(key).collect();
    let gone: Vec<SharePath> = model
        .0
        .values()
        .filter(|path| path.parent().as_ref() == Some(&at) && !keys.contains(&key(path)))
        .cloned()
        .collect();
    for path in &gone {
        model.remove(path);
    }
    for path in &listed {
        if model.0.contains_key(&key(path)) { model.reroot(path, path) } else { model.add(path) }
    }

    let difference = index.compare(&at, &names);
    for name in &difference.gone {
        assert!(index.remove(&at.child(name).unwrap()) > 0);
    }
    for (old, new) in &difference.respelled {
        assert!(index.reroot(&at.child(old).unwrap(), &at.child(new).unwrap()).unwrap() > 0);
    }
    index.add_children(&at, &difference.missing).unwrap();
    assert_eq!(index.compare(&at, &names), causeway_directory_index::Difference::default());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn it_holds_and_finds_what_the_model_does(
        changes in prop::collection::vec(change(), 1..40),
        queries in prop::collection::vec((query(), any::<bool>()), 1..12),
    ) {
        let (mut index, mut model) = (DirectoryIndex::new(CaseRule::Insensitive), Model::default());
        for change in &changes {
            apply(change, &mut index, &mut model);
            prop_assert_eq!(index.len(), model.0.len(), "after {:?}", change);
        }
        let held: BTreeSet<String> = index.iter().collect();
        let expected: BTreeSet<String> = model.0.values().map(|path| path.as_str().to_owned()).collect();
        prop_assert_eq!(held, expected);
        for (text, dotted) in &queries {
            prop_assert_eq!(search(&index, text, *dotted), model.search(text, *dotted), "{:?}", text);
        }
        for path in model.0.values() {
            prop_assert!(index.contains(path));
        }
    }

    #[test]
    fn of_very_many_matches_the_best_are_found(
        names in prop::collection::vec("[a-c]{1,2}[A-C ]?[a-c]?", 1..9),
        deeper in prop::collection::vec("[a-d]{1,2}", 1..9),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        text in "[a-c]",
    ) {
        let (mut index, mut model) = (DirectoryIndex::new(CaseRule::Insensitive), Model::default());
        for number in 0..names.len() * deeper.len() * names.len() {
            let (first, rest) = (number % names.len(), number / names.len());
            let (second, third) = (rest % deeper.len(), rest / deeper.len());
            let path = format!("{}/{}/{}", names[first], deeper[second], names[third]);
            let path = SharePath::parse(&path).unwrap();
            index.add(&path).unwrap();
            model.add(&path);
        }
        for place in removed {
            let paths: Vec<SharePath> = model.0.values().cloned().collect();
            if paths.is_empty() { break }
            let path = place.get(&paths);
            index.remove(path);
            model.remove(path);
        }
        prop_assert_eq!(search(&index, &text, true), model.search(&text, true));
    }

    #[test]
    fn a_damaged_snapshot_is_an_error_and_nothing_worse(
        paths in prop::collection::vec(path(), 0..20),
        place in any::<prop::sample::Index>(),
        bits in 1..=255_u8,
        cut in any::<bool>(),
    ) {
        let mut index = DirectoryIndex::new(CaseRule::Insensitive);
        for path in &paths {
            index.add(path).unwrap();
        }
        let mut bytes = snapshot::encode(&index, &HEADER);
        let place = place.index(bytes.len());
        if cut { bytes.truncate(place) } else { bytes[place] ^= bits }
        prop_assert!(snapshot::decode(&bytes, CaseRule::Insensitive).is_err());
    }

    #[test]
    fn a_made_up_snapshot_is_read_or_refused(mut content in prop::collection::vec(any::<u8>(), 0..200), count in 0..9_u32) {
        let mut bytes = snapshot::encode(&DirectoryIndex::new(CaseRule::Insensitive), &HEADER);
        bytes.truncate(bytes.len() - 8);
        bytes.extend(count.to_be_bytes());
        content.iter_mut().filter(|byte| **byte > 200).for_each(|byte| *byte %= 7);
        bytes.append(&mut content);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        if let Ok((_, index)) = snapshot::decode(&bytes, CaseRule::Insensitive) {
            prop_assert!(index.len() <= count as usize);
            for path in index.iter() {
                assert_eq!(SharePath::parse(&path).unwrap().as_str(), path);
            }
        }
    }
}

fn index_of(paths: &[&str]) -> DirectoryIndex {
    let mut index = DirectoryIndex::new(CaseRule::Insensitive);
    for path in paths {
        index.add(&SharePath::parse(path).unwrap()).unwrap();
    }
    index
}

#[test]
fn ranking_is_by_tier_depth_and_path() {
    let index = index_of(&[
        "deep/charlie",
        "deep/alpha/project-alpha-0/charlie-report-002",
        "deep/alpha/charlie",
        "charlies",
        "Charlie",
        "x-charlie",
        "old/charlie/2026/project",
    ]);
    let found = search(&index, "charlie", false);
    assert_eq!(
        found.paths,
        [
            "Charlie",
            "deep/charlie",
            "old/charlie",
            "deep/alpha/charlie",
            "charlies",
            "deep/alpha/project-alpha-0/charlie-report-002",
            "x-charlie",
            "old/charlie/2026",
            "old/charlie/2026/project",
        ]
    );
    assert_eq!(found.total, 9);
    assert_eq!(
        search(&index, "project charlie", false).paths,
        ["deep/alpha/project-alpha-0/charlie-report-002", "old/charlie/2026/project",]
    );
    assert_eq!(
        search(&index, "alpha\\PROJECT", false).paths,
        ["deep/alpha/project-alpha-0", "deep/alpha/project-alpha-0/charlie-report-002",]
    );
    assert_eq!(search(&index, "charlie ", false).total, 0, "nothing is trimmed");
}

#[test]
fn a_query_found_as_it_stands_goes_before_its_words() {
    let index = index_of(&["a b", "b/a", "x/a b", "b a"]);
    assert_eq!(search(&index, "a b", false).paths, ["a b", "x/a b", "b a", "b/a"]);
}

#[test]
fn dotted_directories_count_on_request() {
    let index = index_of(&[".git/objects", "src/.cache/objects", "objects"]);
    assert_eq!(search(&index, "objects", false), Found { paths: vec!["objects".to_owned()], total: 1 });
    assert_eq!(search(&index, "objects", true).total, 3);
}

#[test]
fn an_index_that_is_full_says_so_and_goes_on_answering() {
    let mut index = DirectoryIndex::new(CaseRule::Sensitive);
    assert_eq!(index.add(&SharePath::parse("A/a").unwrap()), Ok(2));
    assert_eq!(index.add(&SharePath::parse("a/a").unwrap()), Ok(2), "case tells them apart");
    assert!(!index.is_wasteful());
    for number in 0..20_000 {
        index.add(&SharePath::parse(&format!("x/{number}")).unwrap()).unwrap();
    }
    assert_eq!(index.remove(&SharePath::parse("x").unwrap()), 20_001);
    assert!(index.is_wasteful());
    let compact = index.compacted();
    assert!(!compact.is_wasteful() && compact.bytes() < index.bytes());
    assert_eq!(compact.iter().collect::<Vec<_>>(), index.iter().collect::<Vec<_>>());
}

#[test]
fn it_is_the_same_over_many_segments() {
    let (mut index, mut model) = (DirectoryIndex::new(CaseRule::Insensitive), Model::default());
    let path = |text: String| SharePath::parse(&text).unwrap();
    for number in 0..150_000 {
        let path = path(format!("Top {}/Middle {}/leaf {number}", number % 7, number % 399));
        index.add(&path).unwrap();
        model.add(&path);
    }
    let changes = [
        Change::Reroot(path("Top 1".to_owned()), path("Top 2/moved".to_owned())),
        Change::Remove(path("Top 3".to_owned())),
        Change::Reroot(path("Top 4/Middle 4".to_owned()), path("Été".to_owned())),
    ];
    for change in &changes {
        apply(change, &mut index, &mut model);
    }
    for compact in [false, true] {
        if compact {
            index = index.compacted();
        }
        assert_eq!(index.len(), model.0.len());
        for text in [
            "leaf 1499",
            "middle 4/leaf 1",
            "moved",
            "4 top",
            "ete",
            "ete/",
            "/",
            "middle",
            "e",
            "leaf 77777",
        ] {
            assert_eq!(search(&index, text, false), model.search(text, false), "{text}");
        }
    }
}
