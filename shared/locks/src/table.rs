//! [`LockTable`]: all locks, and all changes that are under way.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use causeway_paths::CanonicalKey;
use uuid::Uuid;

use crate::pin::{Pin, Pinned, Reach};
use crate::{Find, Fresh, Lock, LockKey, Proof, Refusal};

/// All locks and all changes that are under way.
///
/// At any moment at most one user holds a file or anything that it lies in, and nobody else has a change under way there.
/// A lock whose time is over counts as gone whether or not it has been swept.
///
/// Moments are durations since any fixed one, on a clock that never goes back.
#[derive(Debug)]
pub struct LockTable {
    /// By share, so that what lies below a path is a range.
    shares: HashMap<String, BTreeMap<CanonicalKey, Lock>>,
    by_id: HashMap<Uuid, LockKey>,
    pins: HashMap<u64, Pinned>,
    next_pin: u64,
    last_fence: u64,
    lifetime: Duration,
}

/// What became of the wish for a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquired {
    /// It is new. What was there before, dead and not swept yet, is replaced.
    Granted {
        /// The lock.
        lock: Lock,
        /// Locks in its place whose time was over.
        replaced: Vec<Lock>,
    },
    /// The user has it already; it is refreshed.
    Again(Lock),
    /// Another user has it, or something above or below it.
    Held(Lock),
    /// Somebody is changing the file at this moment: it is worth waiting.
    Changing,
}

impl LockTable {
    /// A table whose next fencing number is greater than `last_fence`, and whose locks live for `lifetime` after a sign of
    /// life.
    pub fn new(last_fence: u64, lifetime: Duration) -> Self {
        Self {
            shares: HashMap::new(),
            by_id: HashMap::new(),
            pins: HashMap::new(),
            next_pin: 0,
            last_fence,
            lifetime,
        }
    }

    /// Puts a lock back that was granted before a restart, the oldest first. One that would not have been granted beside
    /// those that are here already stays out.
    pub fn restore(&mut self, lock: Lock) -> bool {
        self.last_fence = self.last_fence.max(lock.fence);
        let in_the_way = |other: &Lock| other.holder != lock.holder || other.key == lock.key;
        if self.overlapping(&lock.key).any(in_the_way) {
            return false;
        }
        self.insert(lock);
        true
    }

    /// Takes the lock of a file for a user.
    pub fn acquire(&mut self, key: &LockKey, user: Uuid, fresh: Fresh, now: Duration) -> Acquired {
        if let Some(held) = self.overlapping(key).find(|lock| lock.is_live(now) && lock.holder != user) {
            return Acquired::Held(held.clone());
        }
        if self.pins.values().any(|pinned| pinned.by != user && pinned.reaches(key)) {
            return Acquired::Changing;
        }
        let dies_at = now + self.lifetime;
        if let Some(mine) = self.at_mut(key).filter(|lock| lock.is_live(now)) {
            mine.dies_at = dies_at;
            return Acquired::Again(mine.clone());
        }
        let dead: Vec<Uuid> =
            self.overlapping(key).filter(|lock| !lock.is_live(now)).map(|lock| lock.grant.id).collect();
        let replaced = dead.into_iter().filter_map(|id| self.remove(id)).collect();
        self.last_fence += 1;
        let lock = Lock { key: key.clone(), holder: user, grant: fresh, fence: self.last_fence, dies_at };
        self.insert(lock.clone());
        Acquired::Granted { lock, replaced }
    }

    /// Whether the proof holds, without a sign of life.
    pub fn check(
        &self,
        key: &LockKey,
        proof: &Proof<'_>,
        user: Uuid,
        now: Duration,
    ) -> Result<&Lock, Refusal> {
        let lock = match proof.find {
            Find::ByPath => self.at(key),
            Find::ById => self.get(proof.id),
        };
        let lock = lock.filter(|lock| lock.is_live(now)).ok_or(Refusal::Lost)?;
        proof.holds(lock, key, user)?;
        Ok(lock)
    }

    /// A sign of life.
    pub fn heartbeat(
        &mut self,
        key: &LockKey,
        proof: &Proof<'_>,
        user: Uuid,
        now: Duration,
    ) -> Result<Lock, Refusal> {
        let key = self.check(key, proof, user, now)?.key.clone();
        let dies_at = now + self.lifetime;
        let lock = self.at_mut(&key).ok_or(Refusal::Lost)?;
        lock.dies_at = dies_at;
        Ok(lock.clone())
    }

    /// Gives a lock back. `None`: there was none, which is what was wanted.
    pub fn release(
        &mut self,
        key: &LockKey,
        proof: &Proof<'_>,
        user: Uuid,
        now: Duration,
    ) -> Result<Option<Lock>, Refusal> {
        let there = match proof.find {
            Find::ByPath => self.at(key),
            Find::ById => self.get(proof.id),
        };
        let Some(lock) = there.filter(|lock| lock.is_live(now)) else { return Ok(None) };
        proof.holds(lock, key, user)?;
        let id = lock.grant.id;
        Ok(self.remove(id))
    }

    /// Takes a lock out, whoever has it: forced, or given out in vain.
    pub fn remove(&mut self, id: Uuid) -> Option<Lock> {
        let key = self.by_id.remove(&id)?;
        let locks = self.shares.get_mut(&key.share)?;
        let removed = locks.remove(&key.path);
        if locks.is_empty() {
            self.shares.remove(&key.share);
        }
        removed
    }

    /// Takes out every lock whose time is over.
    pub fn expire(&mut self, now: Duration) -> Vec<Lock> {
        let dead: Vec<Uuid> =
            self.locks().filter(|lock| !lock.is_live(now)).map(|lock| lock.grant.id).collect();
        dead.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// The live lock of exactly this file.
    pub fn holder(&self, key: &LockKey, now: Duration) -> Option<&Lock> {
        self.at(key).filter(|lock| lock.is_live(now))
    }

    /// The live lock that keeps `user` from an item: of the item itself, whoever holds it, or another user's of a directory
    /// that it lies in.
    pub fn covering(&self, key: &LockKey, user: Uuid, now: Duration) -> Option<&Lock> {
        self.holder(key, now).or_else(|| {
            let locks = self.shares.get(&key.share)?;
            let mut above = key.path.ancestors().filter_map(|path| locks.get(&path));
            above.find(|lock| lock.is_live(now) && lock.holder != user)
        })
    }

    /// The lock of exactly this file, a dead one too.
    pub fn get_at(&self, key: &LockKey) -> Option<&Lock> {
        self.at(key)
    }

    /// The lock of that id, dead ones too.
    pub fn get(&self, id: Uuid) -> Option<&Lock> {
        self.by_id.get(&id).and_then(|key| self.at(key))
    }

    /// All locks, dead ones too.
    pub fn locks(&self) -> impl Iterator<Item = &Lock> {
        self.shares.values().flat_map(BTreeMap::values)
    }

    /// Begins a change of an item by a user. Refused with the lock of another user that is in its way.
    pub fn pin(&mut self, key: &LockKey, reach: Reach, user: Uuid, now: Duration) -> Result<Pin, Box<Lock>> {
        let pinned = Pinned { key: key.clone(), reach, by: user };
        let foreign = |lock: &&Lock| lock.is_live(now) && lock.holder != user && pinned.reaches(&lock.key);
        if let Some(held) = self.overlapping(key).find(foreign) {
            return Err(Box::new(held.clone()));
        }
        self.next_pin += 1;
        self.pins.insert(self.next_pin, pinned);
        Ok(Pin(self.next_pin))
    }

    /// Ends a change.
    #[expect(clippy::needless_pass_by_value, reason = "a pin is taken back once")]
    pub fn unpin(&mut self, pin: Pin) {
        self.pins.remove(&pin.0);
    }

    /// The live locks of a user at an item or below it.
    pub fn own_within<'a>(
        &'a self,
        key: &'a LockKey,
        user: Uuid,
        now: Duration,
    ) -> impl Iterator<Item = &'a Lock> {
        self.below(key).filter(move |lock| lock.is_live(now) && lock.holder == user)
    }

    fn at(&self, key: &LockKey) -> Option<&Lock> {
        self.shares.get(&key.share)?.get(&key.path)
    }

    fn at_mut(&mut self, key: &LockKey) -> Option<&mut Lock> {
        self.shares.get_mut(&key.share)?.get_mut(&key.path)
    }

    fn insert(&mut self, lock: Lock) {
        self.by_id.insert(lock.grant.id, lock.key.clone());
        self.shares.entry(lock.key.share.clone()).or_default().insert(lock.key.path.clone(), lock);
    }

    /// Locks on the item or below it.
    fn below<'a>(&'a self, key: &'a LockKey) -> impl Iterator<Item = &'a Lock> {
        let locks = self.shares.get(&key.share).into_iter();
        locks
            .flat_map(|locks| locks.range(&key.path..))
            .take_while(|(path, _)| path.as_str().starts_with(key.path.as_str()))
            .filter(|(path, _)| path.is_within(&key.path))
            .map(|(_, lock)| lock)
    }

    /// Locks on the item, below it or above it.
    fn overlapping<'a>(&'a self, key: &'a LockKey) -> impl Iterator<Item = &'a Lock> {
        let locks = self.shares.get(&key.share).into_iter();
        let above = locks.flat_map(|locks| key.path.ancestors().filter_map(|path| locks.get(&path)));
        self.below(key).chain(above)
    }
}
