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
    /// It is not there any more, nor anything below it.
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

/// What a watch of the connection's root reports, when it reports directories only.
pub(super) fn from_watch(changes: Vec<ItemChange>) -> Vec<News> {
    let mut news = Vec::with_capacity(changes.len());
    let mut left: Option<SharePath> = None;
    for ItemChange { action, path } in changes {
        match (action, left.take()) {
            (ChangeAction::RenamedTo, Some(from)) => {
                news.extend(renamed(from, path, News::Reported));
                continue;
            }
            // Its other half never comes: it has left the watched directory.
            (_, Some(from)) => news.push(News::Removed(from)),
            (_, None) => {}
        }
        match action {
            ChangeAction::Added | ChangeAction::RenamedTo => news.push(News::Reported(path)),
            ChangeAction::Removed => news.push(News::Removed(path)),
            ChangeAction::RenamedFrom => left = Some(path),
            ChangeAction::Modified => {}
        }
    }
    news.extend(left.map(News::Removed));
    news.retain(concerns_others);
    news
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

    const TEMPORARY: &str = ".causeway-0123456789abcdef0123456789abcdef.tmp";

    #[test]
    fn halves_of_renames_find_each_other() {
        let changes = [
            (ChangeAction::RenamedFrom, "a"),
            (ChangeAction::RenamedTo, "b"),
            (ChangeAction::RenamedFrom, "c"),
            (ChangeAction::Added, "d"),
            (ChangeAction::RenamedTo, "e"),
            (ChangeAction::RenamedFrom, TEMPORARY),
            (ChangeAction::RenamedTo, "f"),
            (ChangeAction::Modified, "g"),
            (ChangeAction::Added, TEMPORARY),
            (ChangeAction::RenamedFrom, "h"),
        ];
        let changes = changes.map(|(action, text)| ItemChange { action, path: path(text) });
        assert_eq!(
            from_watch(changes.into()),
            [
                News::Renamed { from: path("a"), to: path("b") },
                News::Removed(path("c")),
                News::Reported(path("d")),
                News::Reported(path("e")),
                News::Reported(path("f")),
                News::Removed(path("h")),
            ]
        );
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
