//! A few files, many clients, and a history of what they do there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use causeway_paths::SharePath;
use causeway_smb::{PoolLimits, ShareErrorKind, SharePool, Target};
use causeway_tests::history::{
    Action, Edition, Found, Operation, Outcome, Recorder, Violation, certainly_held, check, check_copies,
    tell,
};
use causeway_tests::{Answer, Ask, Edit, Folder, ProductOptions, Proxy, Share, User, World, WorldOptions};
use serde_json::Value;
use tokio::sync::RwLock;

/// How long a lock lives here without a sign of life: so short that many die during a run.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3);

/// The usual share.
const DATA: &str = "data";

/// Set to have a good history written down, too.
const KEEP_HISTORY: &str = "CAUSEWAY_TEST_KEEP_HISTORY";

/// Where somebody on the share prepares what he puts in the place of a file.
const OUTSIDE: &str = "outside";

/// Begins what a file is renamed to that is taken away.
const AWAY: &str = "away-";

/// What an operation may still do after an answer that the server behind gave none: as long as anybody waits for it.
const AFTERMATH: Duration = Duration::from_secs(30);

/// A way to name a file.
#[derive(Debug, Clone)]
pub(crate) struct Spelling {
    /// Number of the connection.
    pub(crate) connection: usize,
    /// Path on it.
    pub(crate) path: String,
    /// Whether it leads to the file. Otherwise it has the same lock only.
    pub(crate) is_the_file: bool,
    /// Whether it is spelled as on the server's disk. Where the file is missing at that moment Samba makes two of it for two
    /// who create it by names that differ in case: it looks for other spellings first, and creates then.
    pub(crate) is_exact: bool,
}

/// Who acts.
#[derive(Debug, Clone)]
pub(crate) struct Player {
    /// Number of the client.
    pub(crate) client: usize,
    /// The user's name.
    pub(crate) name: String,
    /// The user.
    pub(crate) user: User,
}

/// The files and their history.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) recorder: Recorder,
    /// Held for writing while the product is away: whoever waits for it knows that what was under way is over.
    pub(crate) calm: RwLock<()>,
    folder: Folder,
    /// Names on disk.
    names: Vec<String>,
    spellings: Vec<Vec<Spelling>>,
    connections: Vec<String>,
    next_edition: AtomicU64,
    samba: Target,
}

/// A product whose locks die soon.
pub(crate) async fn world() -> World {
    let environment = vec![("CAUSEWAY_LOCK_SECONDS".to_owned(), LIFETIME.as_secs().to_string())];
    let product = ProductOptions { environment, ..ProductOptions::default() };
    World::start(WorldOptions { product, ..WorldOptions::default() }).await.expect("a world")
}

impl Arena {
    /// Makes the files. Two connections lead to them through the proxy, one to the whole share, one to their directory.
    pub(crate) async fn new(world: &World, proxy: &Proxy, names: Vec<String>) -> Self {
        Self::on(world, proxy, DATA, names).await
    }

    /// The same on another share.
    pub(crate) async fn on(world: &World, proxy: &Proxy, share: &str, names: Vec<String>) -> Self {
        let folder = world.folder_of(share, "arena");
        folder.make_directory(OUTSIDE);
        let mut connections = Vec::new();
        for prefix in ["/", folder.path()] {
            let mut draft = world.draft_of(&format!("Arena {share} by {prefix}"), share);
            draft["port"] = proxy.port().into();
            draft["path_prefix"] = prefix.into();
            draft["scope"] = "shared".into();
            connections.push(world.connect(&world.admin(), draft).await);
        }
        let samba = world.samba();
        let samba = Target::new("127.0.0.1", samba.port(), share, samba.user(), samba.password());
        let arena = Self {
            recorder: Recorder::default(),
            calm: RwLock::default(),
            spellings: names.iter().map(|name| spellings(&folder, name)).collect(),
            folder,
            names,
            connections,
            next_edition: AtomicU64::new(0),
            samba,
        };
        for (file, name) in arena.names.iter().enumerate() {
            let first = arena.edition(file, 1000);
            arena.folder.write(name, first.to_bytes());
            arena.recorder.record(Operation {
                client: 0,
                user: "nobody".to_owned(),
                file,
                invoked: Duration::ZERO,
                answered: Duration::ZERO,
                ended: Duration::ZERO,
                action: Action::Overwrite { edition: first.id },
                outcome: Outcome::Done,
            });
        }
        arena
    }

    pub(crate) fn files(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn spellings(&self, file: usize) -> &[Spelling] {
        &self.spellings[file]
    }

    pub(crate) fn share(&self, player: &Player, spelling: &Spelling) -> Share {
        player.user.on(&self.connections[spelling.connection])
    }

    /// A content that nobody has written yet.
    pub(crate) fn edition(&self, file: usize, length: usize) -> Edition {
        Edition { id: self.next_edition.fetch_add(1, Ordering::Relaxed), file, length }
    }

    /// Asks for something and takes down what came of it. What an answer with success means says `read`.
    pub(crate) async fn perform(
        &self,
        player: &Player,
        file: usize,
        action: Action,
        ask: Ask,
        read: impl FnOnce(&Answer) -> Outcome,
    ) -> (Outcome, Option<Answer>) {
        let invoked = self.recorder.now();
        let answer = ask.try_send().await;
        let mut answered = self.recorder.now();
        let mut ended = answered;
        let outcome = match &answer {
            Ok(answer) => match answer.status() {
                200..300 => read(answer),
                // Held off before anything was begun.
                status @ (300..500 | 503) => Outcome::Refused { status },
                _ => {
                    ended += AFTERMATH;
                    Outcome::Unknown
                }
            },
            Err(_) => {
                // The product was killed: what it was about to do, it does not do once it is dead.
                let _calm = self.calm.read().await;
                answered = self.recorder.now();
                ended = answered;
                Outcome::Unknown
            }
        };
        let outcome = match (&action, outcome) {
            (Action::Read, Outcome::Refused { status: 404 }) => Outcome::Read(Found::Nothing),
            (_, outcome) => outcome,
        };
        self.take_down(player, file, (invoked, answered, ended), action, outcome.clone());
        (outcome, answer.ok())
    }

    fn take_down(
        &self,
        player: &Player,
        file: usize,
        (invoked, answered, ended): (Duration, Duration, Duration),
        action: Action,
        outcome: Outcome,
    ) {
        let (client, user) = (player.client, player.name.clone());
        self.recorder.record(Operation { client, user, file, invoked, answered, ended, action, outcome });
    }

    fn until_now(&self, invoked: Duration) -> (Duration, Duration, Duration) {
        let now = self.recorder.now();
        (invoked, now, now)
    }

    /// Reads a file, as whoever looks at it does.
    pub(crate) async fn read(&self, player: &Player, file: usize, spelling: &Spelling) -> Outcome {
        let ask = self.share(player, spelling).download(&spelling.path);
        self.perform(player, file, Action::Read, ask, found).await.0
    }

    /// Puts another file in the place of one, as a desktop program on the share does that knows nothing of us.
    pub(crate) async fn overwrite(&self, player: &Player, file: usize, length: usize) {
        let edition = self.edition(file, length);
        let invoked = self.recorder.now();
        let outcome = match self.put_past_us(file, edition).await {
            Ok(()) => Outcome::Done,
            Err(_) => Outcome::Unknown,
        };
        let when = self.until_now(invoked);
        self.take_down(player, file, when, Action::Overwrite { edition: edition.id }, outcome);
    }

    /// Deletes a file as a user of ours, or gives it another name.
    pub(crate) async fn remove(
        &self,
        player: &Player,
        file: usize,
        spelling: &Spelling,
        renames: bool,
    ) -> Outcome {
        let share = self.share(player, spelling);
        let ask = if renames {
            let number = self.edition(file, 0).id;
            share.rename(&spelling.path, &format!("{AWAY}{number}"))
        } else {
            share.delete(&spelling.path)
        };
        self.perform(player, file, Action::Remove, ask, |_| Outcome::Done).await.0
    }

    /// Copies or moves another file onto one, as a user of ours.
    pub(crate) async fn transfer(&self, player: &Player, edition: Edition, spelling: &Spelling, moves: bool) {
        let share = self.share(player, spelling);
        let source = format!("{OUTSIDE}/{}.src", edition.id);
        self.folder.write(&source, edition.to_bytes());
        let from = if spelling.connection == 0 { self.folder.at(&source) } else { source.clone() };
        let how = if moves { "move" } else { "copy" };
        let ask = share.transfer(how, &from, None, &spelling.path, true);
        let action = Action::Transfer { edition: edition.id };
        self.perform(player, edition.file, action, ask, |_| Outcome::Done).await;
    }

    /// Opens a file for writing, as a program on the share does that writes in place. It writes nothing: whoever read
    /// meanwhile could be told nothing of what he has read.
    pub(crate) async fn open_past_us(&self, player: &Player, file: usize) {
        let invoked = self.recorder.now();
        let opened = async {
            let place = SharePath::parse(&self.folder.at(&self.names[file]))?;
            let pool = SharePool::new(self.samba.clone(), PoolLimits::default());
            // With another item's version nothing is written, when the file has been opened.
            let outside = SharePath::parse(&format!("{}/{OUTSIDE}", self.folder.path()))?;
            let other = pool.stat(&outside).await?.version();
            let opened = pool.overwrite(&place, &place, Some(other)).await;
            anyhow::Ok(opened.map(drop).map_err(|refused| refused.error.kind()))
        };
        let outcome = match opened.await {
            Ok(Err(ShareErrorKind::Changed)) => Outcome::Done,
            other => refused_past_us(&other),
        };
        self.take_down(player, file, self.until_now(invoked), Action::OpenPastUs, outcome);
    }

    /// Deletes a file, as a program on the share does.
    pub(crate) async fn remove_past_us(&self, player: &Player, file: usize) -> Outcome {
        let invoked = self.recorder.now();
        let removed = async {
            let place = SharePath::parse(&self.folder.at(&self.names[file]))?;
            let pool = SharePool::new(self.samba.clone(), PoolLimits::default());
            anyhow::Ok(pool.delete_file(&place).await.map_err(|error| error.kind()))
        };
        let outcome = refused_past_us(&removed.await);
        let when = self.until_now(invoked);
        self.take_down(player, file, when, Action::RemovePastUs, outcome.clone());
        outcome
    }

    /// Whether each way to name a file leads to it: whoever locks it by another one holds nothing on the server.
    pub(crate) fn is_always_held(&self, file: usize) -> bool {
        self.spellings[file].iter().all(|spelling| spelling.is_the_file)
    }

    /// Takes down that something failed from some moment until now.
    pub(crate) fn record_trouble(&self, what: &'static str, invoked: Duration) {
        let ended = self.recorder.now();
        for file in 0..self.files() {
            self.recorder.record(Operation {
                client: 0,
                user: "nobody".to_owned(),
                file,
                invoked,
                answered: ended,
                ended,
                action: Action::Trouble { what },
                outcome: Outcome::Done,
            });
        }
    }

    /// How often somebody on the share was kept from a file by nothing but its hold.
    pub(crate) fn certainly_held(&self) -> usize {
        certainly_held(&self.recorder.operations(), LIFETIME)
    }

    async fn put_past_us(&self, file: usize, edition: Edition) -> anyhow::Result<()> {
        let prepared = SharePath::parse(&format!("{}/{OUTSIDE}/{}.tmp", self.folder.path(), edition.id))?;
        let place = SharePath::parse(&self.folder.at(&self.names[file]))?;
        // Each has a connection of its own: to Samba a rename over what the same connection holds is another thing.
        let pool = SharePool::new(self.samba.clone(), PoolLimits::default());
        let mut content = pool.create_for_write(&prepared).await?;
        content.write(edition.to_bytes().into()).await?;
        content.publish(&place, true).await.map(drop).map_err(|refused| refused.error)?;
        Ok(())
    }

    /// What stands beside the files: names and contents.
    fn copies(&self) -> Vec<(String, Found)> {
        // A file that was put back is called as he called it who did.
        let own: Vec<_> = self.names.iter().map(|name| name.to_lowercase()).collect();
        let names = self.folder.names("").into_iter();
        let others = names
            .filter(|name| name != OUTSIDE && !name.starts_with(AWAY) && !own.contains(&name.to_lowercase()));
        others.map(|name| (name.clone(), Edition::read(&self.folder.read(&name)))).collect()
    }

    /// Judges everything. The whole history is written to a file if something is wrong with it.
    pub(crate) fn judge(&self, title: &str) {
        let operations = self.recorder.operations();
        let mut violations = check(&operations, LIFETIME);
        violations.extend(check_copies(&operations, &self.copies()));
        let place = std::env::temp_dir().join(format!("causeway-history-{title}.txt"));
        if violations.is_empty() {
            if std::env::var_os(KEEP_HISTORY).is_some() {
                std::fs::write(&place, tell(&operations)).expect("a history");
            }
            return;
        }
        let written = std::fs::write(&place, tell(&operations));
        let first: Vec<_> = violations.iter().take(10).map(Violation::to_string).collect();
        let many = violations.len();
        panic!(
            "{many} violations; the history is in {} ({written:?})\n{}",
            place.display(),
            first.join("\n")
        );
    }
}

/// What somebody on the share was answered with.
fn refused_past_us(answer: &anyhow::Result<Result<(), ShareErrorKind>>) -> Outcome {
    match answer {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(ShareErrorKind::InUse)) => Outcome::Refused { status: 423 },
        Ok(Err(ShareErrorKind::NotFound | ShareErrorKind::DeletePending)) => Outcome::Refused { status: 404 },
        _ => Outcome::Unknown,
    }
}

/// Ways to name a file: another case, more slashes, by another connection, and in another Unicode form, which on Samba is
/// the name of another file with the same lock.
fn spellings(folder: &Folder, name: &str) -> Vec<Spelling> {
    let by = |connection: usize, path: String| {
        let is_exact = path.ends_with(name);
        Spelling { connection, path, is_the_file: true, is_exact }
    };
    let decomposed = name.replace('ä', "a\u{308}").replace('Ü', "U\u{308}");
    let mut spellings = vec![
        by(0, folder.at(name)),
        by(0, folder.at(&name.to_uppercase())),
        by(0, format!("{}//{name}", folder.path())),
        by(1, name.to_owned()),
        by(1, name.to_lowercase()),
    ];
    if decomposed != name {
        spellings.push(Spelling { connection: 1, path: decomposed, is_the_file: false, is_exact: false });
    }
    spellings
}

/// What a download has found.
pub(crate) fn found(answer: &Answer) -> Outcome {
    Outcome::Read(Edition::read(answer.body()))
}

/// What a companion's lock was answered with.
pub(crate) fn granted(share: &Share, path: &str, answer: &Answer) -> (Edit, Outcome) {
    let edit = Edit::new(share, path, answer.json());
    let fence = edit.claims()["fence"].as_u64();
    let lock = lock_id(edit.lock());
    (edit, Outcome::Granted { lock, fence })
}

/// The id of a lock, out of what it was answered with.
pub(crate) fn lock_id(lock: &Value) -> String {
    lock["lock_id"].as_str().unwrap_or_else(|| panic!("no id in {lock}")).to_owned()
}

/// What a save was answered with.
pub(crate) fn saved(answer: &Answer) -> Outcome {
    let answer = answer.json();
    match answer["status"].as_str() {
        Some("ok") => Outcome::Done,
        Some("conflict_copy") => {
            let path = answer["path"].as_str().unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            Outcome::Kept { copy: name.to_owned() }
        }
        _ => panic!("a save was answered with {answer}"),
    }
}
