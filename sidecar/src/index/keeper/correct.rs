//! Making an index agree with what has been seen.

use std::collections::HashSet;
use std::sync::Arc;

use causeway_directory_index::{Difference, IndexFull};
use causeway_paths::SharePath;

use super::super::amendments::{Moment, Touched};
use super::super::scan::{Subdirectory, Trail, Visit};
use super::{Keeper, MAX_WAITING};

/// Directories that are added at a time, so that whoever searches meanwhile waits for less than a millisecond.
const ADDED_AT_ONCE: usize = 256;

impl Keeper {
    /// Makes the index agree with what has been seen in a directory, and goes on into what is to be seen in it.
    pub(super) async fn put_right(
        &mut self,
        path: &SharePath,
        trail: Option<&Arc<Trail>>,
        deep: bool,
        mut found: Vec<Subdirectory>,
        touched: &Touched,
    ) {
        // What was heard of since is seen to by itself, though only a look into everything goes deep.
        let heard_of = found.extract_if(.., |directory| touched.has(&directory.name));
        let is_entered = |directory: &Subdirectory| {
            deep && !directory.is_link && !trail.is_some_and(|trail| trail.has(directory.id))
        };
        let heard_of: Vec<Subdirectory> = heard_of.filter(is_entered).collect();
        for directory in heard_of {
            if let Ok(child) = path.child(&directory.name) {
                self.visit(child, Some(Trail::to(directory.id, trail.cloned())), true);
            }
        }
        if !self.shared.tree.read().await.contains(path) {
            self.visit_unknown_above(path).await;
            let added = self.shared.tree.write().await.add(path);
            self.note(added);
        }
        let names: Vec<&str> = found.iter().map(|directory| directory.name.as_str()).collect();
        let mut difference = self.shared.tree.read().await.compare(path, &names);
        difference.gone.retain(|name| !touched.has(name));
        if deep && self.scanning_since.is_some() && !self.parting {
            self.keep_for_now(path, &mut difference.gone, touched.since());
        }
        if let Err(full) = self.correct(path, &difference).await {
            self.note(Err(full));
            return;
        }
        let new: HashSet<&str> = difference.missing.iter().map(String::as_str).collect();
        for directory in &found {
            let Ok(child) = path.child(&directory.name) else { continue };
            if directory.is_link || trail.is_some_and(|trail| trail.has(directory.id)) {
                self.remove_below(&child).await;
            } else if deep || new.contains(directory.name.as_str()) {
                self.visit(child, Some(Trail::to(directory.id, trail.cloned())), deep);
            }
        }
        self.publish().await;
    }

    /// What a directory is in comes to be known with it, and what else is in that is not.
    async fn visit_unknown_above(&mut self, path: &SharePath) {
        let above = std::iter::successors(path.parent(), SharePath::parent);
        let tree = self.shared.tree.read().await;
        let unknown: Vec<SharePath> = above.take_while(|path| !tree.contains(path)).collect();
        drop(tree);
        for path in unknown {
            self.visit_soon(path, false);
        }
    }

    /// Leaves what a scan has not found where it was to its end.
    fn keep_for_now(&mut self, path: &SharePath, gone: &mut Vec<String>, since: Moment) {
        if self.vanished.len() + gone.len() > MAX_WAITING {
            return;
        }
        let paths = gone.drain(..).filter_map(|name| path.child(&name).ok());
        self.vanished.extend(paths.map(|path| Visit { path, trail: None, deep: true, since, failures: 0 }));
    }

    async fn correct(&mut self, path: &SharePath, difference: &Difference) -> Result<(), IndexFull> {
        let child = |name: &str| path.child(name).ok();
        let added = self.add_missing(path, &difference.missing).await;
        // After the new ones: what has only another name is found by one of the two at any moment.
        for path in difference.gone.iter().filter_map(|name| child(name)) {
            self.remove(&path).await;
        }
        for (old, new) in &difference.respelled {
            if let (Some(old), Some(new)) = (child(old), child(new)) {
                self.dirty = true;
                self.shared.tree.write().await.reroot(&old, &new)?;
            }
        }
        added
    }

    async fn add_missing(&mut self, path: &SharePath, missing: &[String]) -> Result<(), IndexFull> {
        for names in missing.chunks(ADDED_AT_ONCE) {
            self.dirty = true;
            self.shared.tree.write().await.add_children(path, names)?;
        }
        Ok(())
    }

    pub(super) async fn remove(&mut self, path: &SharePath) {
        if self.shared.tree.read().await.contains(path) {
            self.dirty = true;
            self.shared.tree.write().await.remove(path);
        }
        self.compact().await;
    }

    /// What is entered by another way is not found below this one.
    async fn remove_below(&mut self, path: &SharePath) {
        let difference = self.shared.tree.read().await.compare::<&str>(path, &[]);
        for path in difference.gone.iter().filter_map(|name| path.child(name).ok()) {
            self.remove(&path).await;
        }
    }

    /// Gives back the memory of directories that are gone. Nobody else changes the tree meanwhile.
    async fn compact(&self) {
        if self.shared.tree.read().await.is_wasteful() {
            let shared = Arc::clone(&self.shared);
            let compacted =
                tokio::task::spawn_blocking(move || shared.tree.blocking_read().compacted()).await;
            if let Ok(compacted) = compacted {
                *self.shared.tree.write().await = compacted;
            }
        }
    }
}
