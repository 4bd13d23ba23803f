//! [`News`]: what is heard of directories, from the server and from our own operations, as one thing.

use causeway_internal::files::ItemKind;
use causeway_paths::{CaseRule, SharePath, TempName};
use causeway_smb::{ChangeAction, ItemChange};

use crate::changes::{Change, Deed};

/// What happened to a directory; paths are below the connection's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// It is there, perhaps with content.
    Added(SharePath),
    /// The server says that it came to be there, some time ago: more may have happened since that was heard earlier.
    Reported(SharePath),
    /// It is not there any more, nor anything below it; unless it has come to be there again since, which may have been
    /// heard earlier.
    Removed(SharePath),
    /// It is elsewhere, with everything below it.
    Renamed {
        /// Where it was.
        from: SharePath,
        /// Where it is.
        to: SharePath,
    },
    /// Anything at or below it may have changed.
    Disturbed(SharePath),
    /// Anything anywhere may have changed.
    Missed,
}

impl News {
    /// The directories that it tells of.
    pub(super) fn paths(&self) -> Vec<&SharePath> {
        match self {
            Self::Added(path) | Self::Reported(path) | Self::Removed(path) | Self::Disturbed(path) => {
                vec![path]
            }
            Self::Renamed { from, to } => vec![from, to],
            Self::Missed => Vec::new(),
        }
    }
}

/// What a watch of the connection's root reports, when it reports directories only, as news. Halves of renames find each
/// other here, also when they come in different answers.
///
/// A server that two clients rename on at the same time may mix their halves, and a first half may come without a second
/// one. As long as more than one first half is open, none is joined to a second one: the wrong two would give a directory
/// what is in another. Then each half is news of its own, and whoever takes it in looks at the directory.
#[derive(Debug, Default)]
pub(super) struct Halves {
    /// The first half that came last, while nothing has come after it.
    left: Option<SharePath>,
    /// Whether `left` came in an earlier answer.
    is_old: bool,
    /// First halves that were let go without their second ones, which may still come.
    open: usize,
}

impl Halves {
    /// Whether something more, or that nothing more comes, makes a difference: ask again, or [`let_go`](Self::let_go)
    /// after a while.
    pub(super) fn are_open(&self) -> bool {
        self.left.is_some() || self.open > 0
    }

    /// No second half comes any more.
    pub(super) fn let_go(&mut self) -> Vec<News> {
        let mut news: Vec<News> = std::mem::take(self).left.map(News::Removed).into_iter().collect();
        news.retain(concerns_others);
        news
    }

    /// Takes in an answer of the server.
    pub(super) fn take(&mut self, changes: Vec<ItemChange>) -> Vec<News> {
        self.is_old = true;
        let mut news = Vec::with_capacity(changes.len());
        for ItemChange { action, path } in changes {
            let left = self.left.take();
            match (action, left) {
                (ChangeAction::RenamedTo, Some(from)) => {
                    let to = path.clone();
                    news.extend(renamed(from, path, News::Reported));
                    if self.is_old {
                        // Nothing says that they belong together but that they came one after the other.
                        news.push(News::Disturbed(to));
                    }
                    continue;
                }
                (_, Some(from)) => {
                    news.push(News::Removed(from));
                    self.open += 1;
                }
                (_, None) => {}
            }
            match action {
                ChangeAction::Added => news.push(News::Reported(path)),
                ChangeAction::RenamedTo => {
                    self.open = self.open.saturating_sub(1);
                    news.push(News::Reported(path));
                }
                ChangeAction::Removed => news.push(News::Removed(path)),
                ChangeAction::RenamedFrom if self.open > 0 => {
                    self.open += 1;
                    news.push(News::Removed(path));
                }
                ChangeAction::RenamedFrom => (self.left, self.is_old) = (Some(path), false),
                ChangeAction::Modified => {}
            }
        }
        news.retain(concerns_others);
        news
    }
}

/// What one of our own operations did on the share, for a connection whose root is `prefix`.
pub(super) fn from_change(change: &Change, prefix: &SharePath) -> Vec<News> {
    if change.item != ItemKind::Directory {
        return Vec::new();
    }
    let here = below(&change.path, prefix);
    let mut news = match (&change.deed, here) {
        (Deed::Created, Some(path)) => vec![News::Added(path)],
        (Deed::Removed, Some(path)) => vec![News::Removed(path)],
        (Deed::Disturbed, Some(path)) => vec![News::Disturbed(path)],
        (Deed::Renamed { to }, here) => match (here, below(to, prefix)) {
            (Some(from), Some(to)) => renamed(from, to, News::Added).into_iter().collect(),
            (Some(path), None) => vec![News::Removed(path)],
            (None, Some(path)) => vec![News::Added(path)],
            (None, None) => vec![],
        },
        (Deed::Written, _) | (_, None) => vec![],
    };
    // Something happened to the root itself, or to what it is in.
    let moves_root = |path: &SharePath| below(prefix, path).is_some();
    if moves_root(&change.path) || matches!(&change.deed, Deed::Renamed { to } if moves_root(to)) {
        news = vec![News::Missed];
    }
    news.retain(concerns_others);
    news
}

/// A rename, seen by those who never see our temporary items; `came` says that something is there that was not.
fn renamed(from: SharePath, to: SharePath, came: fn(SharePath) -> News) -> Option<News> {
    match (is_ours(&from), is_ours(&to)) {
        (false, false) => Some(News::Renamed { from, to }),
        (true, false) => Some(came(to)),
        (false, true) => Some(News::Removed(from)),
        (true, true) => None,
    }
}

fn concerns_others(news: &News) -> bool {
    match news {
        News::Added(path) | News::Reported(path) | News::Removed(path) | News::Disturbed(path) => {
            !is_ours(path)
        }
        News::Renamed { .. } | News::Missed => true,
    }
}

/// Whether this is one of our temporary items or within one.
fn is_ours(path: &SharePath) -> bool {
    path.segments().any(|name| TempName::parse(name).is_some())
}

/// The path below `prefix`, whose spelling may be another one.
fn below(path: &SharePath, prefix: &SharePath) -> Option<SharePath> {
    let key = |path: &SharePath| path.canonical_key(CaseRule::Insensitive);
    key(path).is_within(&key(prefix)).then(|| {
        path.segments().skip(prefix.depth()).try_fold(SharePath::root(), |at, name| at.child(name).ok())
    })?
}

#[cfg(test)]
mod tests {
    use causeway_smb::Target;
    use uuid::Uuid;

    use super::*;
    use crate::changes::ShareKey;

    fn path(text: &str) -> SharePath {
        SharePath::parse(text).unwrap()
    }

    const TEMPORARY: &str = "~causeway-0123456789abcdef0123456789abcdef.tmp";

    fn answer(changes: &[(ChangeAction, &str)]) -> Vec<ItemChange> {
        changes.iter().map(|(action, text)| ItemChange { action: *action, path: path(text) }).collect()
    }

    #[test]
    fn halves_of_renames_find_each_other() {
        use ChangeAction::{Added, Modified, RenamedFrom, RenamedTo};
        let mut halves = Halves::default();
        let news = halves.take(answer(&[
            (RenamedFrom, "a"),
            (RenamedTo, "b"),
            (RenamedFrom, TEMPORARY),
            (RenamedTo, "f"),
            (Modified, "g"),
            (Added, TEMPORARY),
            (RenamedFrom, "c"),
            (Added, "d"),
            (RenamedTo, "e"),
            (RenamedFrom, "h"),
        ]));
        assert_eq!(
            news,
            [
                News::Renamed { from: path("a"), to: path("b") },
                News::Reported(path("f")),
                News::Removed(path("c")),
                News::Reported(path("d")),
                News::Reported(path("e")),
            ]
        );
        assert!(halves.are_open());
        assert_eq!(halves.let_go(), [News::Removed(path("h"))], "it has left the watched directory");
        assert!(!halves.are_open());
    }

    #[test]
    fn halves_in_two_answers_are_joined_and_looked_at() {
        let mut halves = Halves::default();
        assert_eq!(halves.take(answer(&[(ChangeAction::RenamedFrom, "a")])), []);
        assert_eq!(halves.take(answer(&[])), []);
        assert_eq!(
            halves.take(answer(&[(ChangeAction::RenamedTo, "b")])),
            [News::Renamed { from: path("a"), to: path("b") }, News::Disturbed(path("b"))]
        );
        assert!(!halves.are_open());
    }

    #[test]
    fn halves_of_two_renames_at_a_time_are_never_mixed_up() {
        use ChangeAction::{RenamedFrom, RenamedTo};
        let apart = ["a", "c"].map(|gone| News::Removed(path(gone)));
        let apart = [apart, ["b", "d"].map(|come| News::Reported(path(come)))].concat();
        let mixed = [(RenamedFrom, "a"), (RenamedFrom, "c"), (RenamedTo, "b"), (RenamedTo, "d")];
        for cut in 0..=mixed.len() {
            let mut halves = Halves::default();
            let (first, second) = mixed.split_at(cut);
            let mut news = halves.take(answer(first));
            news.extend(halves.take(answer(second)));
            assert_eq!(news, apart, "cut at {cut}");
            assert!(!halves.are_open(), "the next two belong together again");
        }
    }

    #[test]
    fn halves_that_come_turned_round_are_news_of_their_own() {
        let mut halves = Halves::default();
        let mut news = halves.take(answer(&[(ChangeAction::RenamedTo, "b")]));
        news.extend(halves.take(answer(&[(ChangeAction::RenamedFrom, "a")])));
        news.extend(halves.let_go());
        assert_eq!(news, [News::Reported(path("b")), News::Removed(path("a"))]);
    }

    #[test]
    fn our_own_changes_are_seen_from_the_prefix() {
        let change = |at: &str, deed| Change {
            connection: Uuid::nil(),
            share: ShareKey::of(&Target::new("nas", 445, "data", "u", "p")),
            path: path(at),
            item: ItemKind::Directory,
            deed,
        };
        let renamed = |to: &str| Deed::Renamed { to: path(to) };
        for (at, deed, expected) in [
            ("Base/x", Deed::Created, vec![News::Added(path("x"))]),
            ("base/x", Deed::Removed, vec![News::Removed(path("x"))]),
            ("base/x/y", Deed::Disturbed, vec![News::Disturbed(path("x/y"))]),
            ("base/x", renamed("base/y"), vec![News::Renamed { from: path("x"), to: path("y") }]),
            ("base/x", renamed("other/y"), vec![News::Removed(path("x"))]),
            ("other/x", renamed("base/y"), vec![News::Added(path("y"))]),
            ("based/x", Deed::Created, vec![]),
            ("base", Deed::Removed, vec![News::Missed]),
            ("other", renamed("base"), vec![News::Missed]),
        ] {
            assert_eq!(from_change(&change(at, deed), &path("base")), expected, "{at}");
        }
    }
}
