//! Taking in what is heard: from our own operations, and from the server.

use std::sync::atomic::Ordering;

use causeway_paths::{CaseRule, SharePath};

use super::super::news::{self, News};
use super::Keeper;
use crate::changes::Notice;

impl Keeper {
    pub(super) async fn hear(&mut self, notice: &Notice) {
        if let Notice::Item(change) = notice
            && change.share == self.share
        {
            for news in news::from_change(change, &self.connection.prefix) {
                self.learn(news).await;
            }
        }
    }

    /// Takes in what has happened.
    pub(super) async fn learn(&mut self, news: News) {
        let (is_doubtful, is_known) = match &news {
            News::Renamed { from, to } => {
                (self.amendments.touches_lately(from, to), self.amendments.has_lately(from, to))
            }
            _ => (false, false),
        };
        // It may be told of late, by a path that it does not have any more. What took that path along was taken for what
        // had been there before: what is in it has the same names, perhaps, and is something else.
        let elsewhere_deep = match &news {
            News::Renamed { .. } => !is_known,
            News::Reported(_) | News::Disturbed(_) => true,
            News::Added(_) | News::Removed(_) | News::Missed => false,
        };
        let elsewhere: Vec<SharePath> =
            news.paths().into_iter().flat_map(|path| self.amendments.moved_lately(path)).collect();
        self.amendments.record(&news);
        for path in elsewhere {
            self.visit_soon(path, elsewhere_deep);
        }
        self.shared.metrics.directory_events.count();
        self.shared.moment.store(self.amendments.now().0, Ordering::Release);
        match news {
            News::Added(path) => {
                // With what it is in missing, it may be gone again, and what it is in with it.
                let is_new = {
                    let tree = self.shared.tree.read().await;
                    !tree.contains(&path) && path.parent().is_some_and(|parent| tree.contains(&parent))
                };
                if is_new {
                    let added = self.shared.tree.write().await.add(&path);
                    self.note(added);
                }
                self.visit_soon(path, false);
            }
            News::Reported(path) => self.visit_soon(path, false),
            News::Removed(path) => {
                // The root itself is not for the index to remove: it is not there, or there again.
                if path.is_root() {
                    self.scan_soon();
                } else {
                    self.remove(&path).await;
                    // Or it is there again, and that was heard earlier.
                    self.visit_soon(path, false);
                }
            }
            News::Renamed { from, to } => self.move_along(from, to, is_doubtful).await,
            News::Disturbed(path) => self.visit_soon(path, true),
            News::Missed => self.scan_soon(),
        }
        self.publish().await;
    }

    /// Takes in that a directory is elsewhere. It may be heard late, when more has happened that was heard on another
    /// way: so what is known of the new place is not given up for it, and both places are looked at; thoroughly when it is
    /// doubtful that what is known of the old one is of the time before.
    async fn move_along(&mut self, from: SharePath, to: SharePath, is_doubtful: bool) {
        let (was_known, is_known, has_place) = {
            let tree = self.shared.tree.read().await;
            let has_place = to.parent().is_some_and(|parent| tree.contains(&parent));
            (tree.contains(&from), tree.contains(&to), has_place)
        };
        let is_respelled =
            from.canonical_key(CaseRule::Insensitive) == to.canonical_key(CaseRule::Insensitive);
        if was_known && has_place && (is_respelled || !is_known) {
            let moved = self.shared.tree.write().await.reroot(&from, &to);
            self.note(moved);
        }
        // During a scan, what has not been seen of it yet is where it is now.
        let deep = self.scanning_since.is_some()
            || (was_known && (!has_place || is_doubtful))
            || (is_known && (was_known || is_doubtful));
        self.visit_soon(to, deep);
        if !is_respelled {
            self.visit_soon(from, deep);
        }
    }
}
