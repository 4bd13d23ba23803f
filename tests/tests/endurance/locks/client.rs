//! [`Client`]: somebody who edits files, and does not always behave.

use std::collections::HashMap;
use std::time::Duration;

use causeway_tests::history::{Action, Edition, Found, Outcome};
use causeway_tests::{Edit, Share, User};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::arena::{Arena, LIFETIME, Player, Spelling, found, granted, lock_id, saved};

/// Edits that one remembers after they are over, to go on with them in spite of that.
const REMEMBERED: usize = 3;

/// Before one tries again what was refused.
const PAUSE: Duration = Duration::from_millis(40);

/// Somebody who edits files.
pub(super) struct Client<'a> {
    arena: &'a Arena,
    player: Player,
    random: StdRng,
    /// Bootstrap tokens by file and spelling.
    tokens: HashMap<(usize, usize), User>,
    open: Option<Open>,
    over: Vec<Open>,
}

/// A file that one has the lock of, as far as one knows.
struct Open {
    file: usize,
    lock: String,
    by: By,
    /// The content that is being edited, if one knows which it is.
    parent: Option<u64>,
}

/// With what one has it.
enum By {
    /// The companion.
    Companion { edit: Edit, is_the_file: bool },
    /// The browser's own editor.
    Browser { share: Share, path: String, answer: Value },
}

impl<'a> Client<'a> {
    pub(super) fn new(arena: &'a Arena, player: Player, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(player.client as u64));
        Self { arena, player, random, tokens: HashMap::new(), open: None, over: Vec::new() }
    }

    /// Does something.
    pub(super) async fn step(&mut self) {
        // Nobody keeps asking a product that is not there.
        drop(self.arena.calm.read().await);
        match self.open.take() {
            None => self.begin().await,
            Some(open) => self.go_on(open).await,
        }
    }

    async fn begin(&mut self) {
        let file = self.random.random_range(0..self.arena.files() - 1);
        match self.random.random_range(0..100) {
            0..10 => self.seal(self.arena.files() - 1).await,
            10..48 => self.open_in_companion(file).await,
            48..56 => self.open_in_browser(file).await,
            56..66 => self.read(file).await,
            66..71 => self.put(file).await,
            71..75 => self.transfer(file).await,
            75..77 => self.remove(file).await,
            77..82 => self.overwrite(file).await,
            82..87 => self.try_past_us(file).await,
            87..90 => self.force(file).await,
            _ => {
                if !self.over.is_empty() {
                    let over = self.over.swap_remove(self.random.random_range(0..self.over.len()));
                    self.go_on_in_spite(over).await;
                }
            }
        }
    }

    async fn go_on(&mut self, mut open: Open) {
        match self.random.random_range(0..100) {
            0..45 => {
                if !self.save(&mut open).await {
                    return self.remember(open);
                }
            }
            45..60 => {
                if !self.heartbeat(&open).await {
                    return self.remember(open);
                }
            }
            60..68 => {
                if !self.look(&mut open).await {
                    return self.remember(open);
                }
            }
            68..84 => {
                self.release(&open).await;
                return self.remember(open);
            }
            84..88 => return self.remember(open),
            88..90 => self.try_past_us(open.file).await,
            // Sleeps, until the lock is over or nearly.
            90..93 => {
                let nap = LIFETIME.mul_f64(self.random.random_range(0.8..1.2));
                tokio::time::sleep(nap).await;
                if !self.save(&mut open).await {
                    return self.remember(open);
                }
            }
            93..95 => self.put(open.file).await,
            95 => self.transfer(open.file).await,
            _ => self.read(open.file).await,
        }
        self.open = Some(open);
    }

    /// Uses a lock that was given back, forgotten, or lost.
    async fn go_on_in_spite(&mut self, mut over: Open) {
        let lives = match self.random.random_range(0..4) {
            0 => self.heartbeat(&over).await,
            1 => self.look(&mut over).await,
            2 => {
                self.release(&over).await;
                false
            }
            _ => self.save(&mut over).await,
        };
        if lives {
            self.open = Some(over);
        }
    }

    fn remember(&mut self, open: Open) {
        if self.over.len() == REMEMBERED {
            self.over.remove(0);
        }
        self.over.push(open);
    }

    fn spelling(&mut self, file: usize) -> (usize, Spelling) {
        let all = self.arena.spellings(file);
        let number = self.random.random_range(0..all.len());
        (number, all[number].clone())
    }

    /// A spelling that leads to the file.
    fn way(&mut self, file: usize) -> Spelling {
        self.way_that(file, |spelling| spelling.is_the_file)
    }

    /// A spelling by which the file may be made, too.
    fn way_to_make(&mut self, file: usize) -> Spelling {
        self.way_that(file, |spelling| spelling.is_exact)
    }

    fn way_that(&mut self, file: usize, does: impl Fn(&Spelling) -> bool) -> Spelling {
        loop {
            let (_, spelling) = self.spelling(file);
            if does(&spelling) {
                return spelling;
            }
        }
    }

    /// Mostly little, sometimes much.
    fn length(&mut self) -> usize {
        match self.random.random_range(0..100) {
            0..80 => self.random.random_range(0..4_000),
            80..97 => self.random.random_range(4_000..100_000),
            _ => self.random.random_range(100_000..1_500_000),
        }
    }

    async fn open_in_companion(&mut self, file: usize) {
        let (number, spelling) = self.spelling(file);
        let share = self.arena.share(&self.player, &spelling);
        let Some(bootstrap) = self.bootstrap(&share, (file, number), &spelling.path).await else { return };
        let mut edit = None;
        let ask = share.ask_lock(&bootstrap, &spelling.path);
        let (outcome, _) = self
            .arena
            .perform(&self.player, file, Action::Acquire, ask, |answer| {
                let (taken, outcome) = granted(&share, &spelling.path, answer);
                edit = Some(taken);
                outcome
            })
            .await;
        let (Some(edit), Outcome::Granted { lock, .. }) = (edit, outcome) else {
            return tokio::time::sleep(PAUSE).await;
        };
        let is_the_file = spelling.is_the_file;
        let mut open = Open { file, lock, by: By::Companion { edit, is_the_file }, parent: None };
        self.download(&mut open).await;
        self.open = Some(open);
    }

    /// Takes the lock of a file to change nothing, and asks the server itself for the file: what is always under way at the
    /// others leaves little time in which they are certainly held.
    async fn seal(&mut self, file: usize) {
        self.open_in_companion(file).await;
        let Some(open) = self.open.take() else { return };
        for _ in 0..self.random.random_range(1..6) {
            self.try_past_us(file).await;
            if self.random.random_bool(0.3) && !self.heartbeat(&open).await {
                return;
            }
        }
        // Otherwise it ends by itself.
        if self.random.random_bool(0.8) {
            self.release(&open).await;
        }
    }

    async fn bootstrap(&mut self, share: &Share, key: (usize, usize), path: &str) -> Option<User> {
        if let Some(token) = self.tokens.get(&key)
            && self.random.random_bool(0.9)
        {
            return Some(token.clone());
        }
        let link = share.ask_link(path).try_send().await.ok().filter(|answer| answer.status() == 200);
        let Some(link) = link else {
            tokio::time::sleep(PAUSE).await;
            return None;
        };
        let exchanged = share.exchange(&link.json()).try_send().await.ok()?;
        if exchanged.status() != 200 {
            return None;
        }
        let token = self.player.user.bearing(exchanged.json()["token"].as_str()?);
        self.tokens.insert(key, token.clone());
        Some(token)
    }

    async fn open_in_browser(&mut self, file: usize) {
        let (_, spelling) = self.spelling(file);
        let share = self.arena.share(&self.player, &spelling);
        let ask = share.browser_lock(&spelling.path);
        let read =
            |answer: &causeway_tests::Answer| Outcome::Granted { lock: lock_id(&answer.json()), fence: None };
        let (outcome, answer) = self.arena.perform(&self.player, file, Action::Acquire, ask, read).await;
        let (Outcome::Granted { lock, .. }, Some(answer)) = (outcome, answer) else {
            return tokio::time::sleep(PAUSE).await;
        };
        let by = By::Browser { share, path: spelling.path, answer: answer.json() };
        self.open = Some(Open { file, lock, by, parent: None });
    }

    /// Whether the lock may still be good.
    async fn heartbeat(&self, open: &Open) -> bool {
        let ask = match &open.by {
            By::Companion { edit, .. } => edit.heartbeat(),
            By::Browser { share, path, answer } => share.browser_heartbeat(path, answer),
        };
        let action = Action::Heartbeat { lock: open.lock.clone() };
        let (outcome, _) = self.arena.perform(&self.player, open.file, action, ask, |_| Outcome::Done).await;
        outcome.is_possible()
    }

    async fn release(&self, open: &Open) {
        let ask = match &open.by {
            By::Companion { edit, .. } => edit.release(),
            By::Browser { share, path, answer } => share.browser_unlock(path, answer),
        };
        let action = Action::Release { lock: open.lock.clone() };
        self.arena.perform(&self.player, open.file, action, ask, |_| Outcome::Done).await;
    }

    /// Looks at the file anew, and takes what is there now as what is being edited. Whether the lock may still be good.
    async fn look(&self, open: &mut Open) -> bool {
        let By::Companion { edit, is_the_file: true } = &open.by else { return true };
        open.parent = None;
        let action = Action::Look { lock: open.lock.clone() };
        let ask = edit.info();
        let (outcome, _) = self.arena.perform(&self.player, open.file, action, ask, |_| Outcome::Done).await;
        match outcome {
            Outcome::Done => self.download(open).await,
            outcome => outcome.is_possible(),
        }
    }

    /// Reads the file under its lock. Whether that may still be good.
    async fn download(&self, open: &mut Open) -> bool {
        let By::Companion { edit, is_the_file: true } = &open.by else { return true };
        let action = Action::Look { lock: open.lock.clone() };
        let ask = edit.download();
        let (outcome, _) = self.arena.perform(&self.player, open.file, action, ask, found).await;
        open.parent = match &outcome {
            Outcome::Read(Found::Whole(edition)) => Some(edition.id),
            _ => None,
        };
        outcome.is_possible()
    }

    /// Saves something new. Whether the lock may still be good.
    async fn save(&mut self, open: &mut Open) -> bool {
        let Some(parent) = open.parent.take() else { return self.look(open).await };
        let By::Companion { edit, .. } = &open.by else { return true };
        let keeps_copy = self.random.random_bool(0.15);
        let edition: Edition = self.arena.edition(open.file, self.length());
        let ask =
            if keeps_copy { edit.save_or_copy(edition.to_bytes()) } else { edit.save(edition.to_bytes()) };
        let action = Action::Save { lock: open.lock.clone(), edition: edition.id, parent, keeps_copy };
        let (outcome, _) = self.arena.perform(&self.player, open.file, action, ask, saved).await;
        match outcome {
            Outcome::Done => {
                open.parent = Some(edition.id);
                true
            }
            // Somebody was there before: looks at what he did, the next time.
            Outcome::Refused { status: 409 } | Outcome::Unknown | Outcome::Kept { .. } => true,
            _ => false,
        }
    }

    async fn read(&mut self, file: usize) {
        let way = self.way(file);
        self.arena.read(&self.player, file, &way).await;
    }

    async fn put(&mut self, file: usize) {
        let way = self.way_to_make(file);
        let edition = self.arena.edition(file, self.length());
        let ask = self.arena.share(&self.player, &way).put(&way.path, edition.to_bytes());
        let action = Action::Put { edition: edition.id };
        self.arena.perform(&self.player, file, action, ask, |_| Outcome::Done).await;
    }

    async fn overwrite(&mut self, file: usize) {
        let length = self.length();
        self.arena.overwrite(&self.player, file, length).await;
    }

    async fn transfer(&mut self, file: usize) {
        let (way, edition) = (self.way_to_make(file), self.arena.edition(file, self.length()));
        let moves = self.random.random_bool(0.5);
        self.arena.transfer(&self.player, edition, &way, moves).await;
    }

    /// Takes the file away, and puts another one there before long.
    async fn remove(&mut self, file: usize) {
        let way = self.way(file);
        let renames = self.random.random_bool(0.5);
        if self.arena.remove(&self.player, file, &way, renames).await.is_possible() {
            self.put_back(file).await;
        }
    }

    /// Asks the server itself for what a held file is kept from.
    async fn try_past_us(&mut self, file: usize) {
        if !self.arena.is_always_held(file) {
            return;
        }
        if self.random.random_bool(0.7) {
            self.arena.open_past_us(&self.player, file).await;
        } else if self.arena.remove_past_us(&self.player, file).await.is_possible() {
            self.put_back(file).await;
        }
    }

    async fn put_back(&mut self, file: usize) {
        if self.random.random_bool(0.5) {
            self.put(file).await;
        }
        self.overwrite(file).await;
    }

    async fn force(&mut self, file: usize) {
        let (_, spelling) = self.spelling(file);
        let ask = self.arena.share(&self.player, &spelling).force_unlock(&spelling.path);
        self.arena.perform(&self.player, file, Action::Force, ask, |_| Outcome::Done).await;
    }
}
