//! Sessions on disk: one directory each, with `state.json`, the working copy, and a file lock that says whether a
//! process is at work on it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::fail_point;
use crate::places::make_private;
use crate::session::{FORMAT, Session, SessionId};

const STATE: &str = "state.json";
const NEXT_STATE: &str = "state.json.next";
const LOCK: &str = "lock";
/// The directory that only the working copy and what editors put beside it are in.
const WORK: &str = "work";
/// Where that is moved to before it is removed.
const REMOVED: &str = "removed";
/// What is being downloaded.
const INCOMING: &str = "incoming";
/// What is being uploaded.
const OUTGOING: &str = "outgoing";

/// A state file is some kilobytes; a larger one is not ours.
const LARGEST_STATE: u64 = 1024 * 1024;

/// After this time a directory without a state is the rest of a process that died while making it.
const ABANDONED: Duration = Duration::from_hours(1);

/// Why a session cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk.
    #[error("{} cannot be used: {source}", path.display())]
    Disk {
        /// What was touched.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is none of that name.
    #[error("There is no session {0}; `causeway-companion sessions` lists them")]
    Missing(SessionId),
    /// Another process is at work on it.
    #[error("Session {0} is being worked on by another companion")]
    Busy(SessionId),
    /// Its state cannot be read.
    #[error("The state of a session cannot be read; its files are in {}", .0.display())]
    Unreadable(PathBuf),
}

/// All sessions of one person.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
}

/// What is found in the directory of sessions.
#[derive(Debug)]
pub enum Found {
    /// A process is at work on it.
    Running(Session),
    /// Nobody is.
    LeftBehind(OpenSession),
    /// It cannot be read; the person may still find files in it.
    Unreadable(PathBuf),
}

/// A session that this process, and no other, is at work on.
#[derive(Debug)]
pub struct OpenSession {
    directory: PathBuf,
    session: Session,
    /// Locked as long as this lives; the system unlocks it when the process ends, however it ends.
    _lock: File,
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    |source| StoreError::Disk { path, source }
}

impl Store {
    /// The sessions in that directory, which need not be there.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Makes the directory of a new session. It is durable when this returns.
    pub fn create(&self, session: Session) -> Result<OpenSession, StoreError> {
        let directory = self.directory.join(session.id.to_string());
        make_private(&self.directory).map_err(disk(&self.directory))?;
        // Never into a directory that is there already.
        fs::DirBuilder::new().mode(0o700).create(&directory).map_err(disk(&directory))?;
        let work = directory.join(WORK);
        make_private(&work).map_err(disk(&work))?;
        let lock = lock_file(&directory)?;
        lock.try_lock().map_err(|_| StoreError::Busy(session.id.clone()))?;
        let open = OpenSession { directory, session, _lock: lock };
        open.write()?;
        sync_directory(&self.directory)?;
        Ok(open)
    }

    /// Takes a session over.
    pub fn open(&self, id: &SessionId) -> Result<OpenSession, StoreError> {
        let directory = self.directory.join(id.to_string());
        if !directory.join(STATE).is_file() {
            return Err(StoreError::Missing(id.clone()));
        }
        match look_at(&directory)? {
            Some(Found::LeftBehind(session)) => Ok(session),
            Some(Found::Running(_)) => Err(StoreError::Busy(id.clone())),
            Some(Found::Unreadable(path)) => Err(StoreError::Unreadable(path)),
            None => Err(StoreError::Missing(id.clone())),
        }
    }

    /// All sessions, the oldest first.
    pub fn all(&self) -> Result<Vec<Found>, StoreError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(fault) => return Err(disk(&self.directory)(fault)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let path = entry.map_err(disk(&self.directory))?.path();
            if path.is_dir()
                && let Some(found) = look_at(&path)?
            {
                all.push(found);
            }
        }
        all.sort_by_key(|found| match found {
            Found::Running(session) => session.began_at,
            Found::LeftBehind(open) => open.session.began_at,
            Found::Unreadable(_) => u64::MAX,
        });
        Ok(all)
    }
}

impl OpenSession {
    /// What is known of it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Changes what is known of it. It is durable when this returns; if that fails, only this process knows it.
    pub fn update(&mut self, change: impl FnOnce(&mut Session)) -> Result<(), StoreError> {
        change(&mut self.session);
        self.write()
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory of the working copy.
    pub fn work(&self) -> PathBuf {
        self.directory.join(WORK)
    }

    /// The file that the person edits.
    pub fn working_copy(&self) -> PathBuf {
        self.work().join(&self.session.file_name)
    }

    /// Where a download goes until it is complete.
    pub fn incoming(&self) -> PathBuf {
        self.directory.join(INCOMING)
    }

    /// What an upload is read from: the working copy as it was at one moment.
    pub fn outgoing(&self) -> PathBuf {
        self.directory.join(OUTGOING)
    }

    /// Removes the session, provided that its working directory, which is moved aside first, `is_done`. Otherwise it is
    /// moved back, and the session is returned.
    pub fn remove_if(self, is_done: impl FnOnce(&Path) -> bool) -> Result<Option<Self>, StoreError> {
        // From here on no program saves into it without being told that the directory is not there.
        let removed = self.directory.join(REMOVED);
        fs::rename(self.work(), &removed).map_err(disk(&removed))?;
        if !is_done(&removed) {
            let work = self.work();
            fs::rename(&removed, &work).map_err(disk(&work))?;
            return Ok(Some(self));
        }
        // The state goes first: what is left of a removal that was interrupted is no session any more.
        let state = self.directory.join(STATE);
        fs::remove_file(&state).map_err(disk(&state))?;
        clear(&self.directory).map(|()| None)
    }

    /// Removes the session with everything in it.
    pub fn remove(self) -> Result<(), StoreError> {
        self.remove_if(|_| true).map(drop)
    }

    fn write(&self) -> Result<(), StoreError> {
        let next = self.directory.join(NEXT_STATE);
        let text =
            serde_json::to_vec_pretty(&self.session).map_err(|fault| disk(&next)(io::Error::other(fault)))?;
        let written = || -> io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&next)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fail_point::before_write()?;
            fs::rename(&next, self.directory.join(STATE))
        };
        written().map_err(disk(&next))?;
        sync_directory(&self.directory)?;
        fail_point::after_write();
        Ok(())
    }
}

fn look_at(directory: &Path) -> Result<Option<Found>, StoreError> {
    let state = directory.join(STATE);
    if !state.is_file() {
        return Ok(look_at_rest(directory));
    }
    // The lock is taken before the state is read: whoever holds it may be writing.
    let lock = lock_file(directory)?;
    let held = match lock.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(fault)) => return Err(disk(&directory.join(LOCK))(fault)),
    };
    let Some(session) = read_state(&state) else {
        // Removed by its own process between the two looks, or not ours.
        return Ok(state.is_file().then(|| Found::Unreadable(directory.to_owned())));
    };
    Ok(Some(if held {
        Found::Running(session)
    } else {
        // A removal that was interrupted before it came to the state had not begun.
        let (removed, work) = (directory.join(REMOVED), directory.join(WORK));
        if removed.is_dir() && !work.exists() {
            fs::rename(&removed, &work).map_err(disk(&work))?;
        }
        Found::LeftBehind(OpenSession { directory: directory.to_owned(), session, _lock: lock })
    }))
}

/// Removes what is left of a session without a state. What is in its working directory was written by a program after
/// everything else had been removed, and is removed by nobody.
fn clear(directory: &Path) -> Result<(), StoreError> {
    let gone = |result: io::Result<()>, path: &Path| match result {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(disk(path)(fault)),
        _ => Ok(()),
    };
    let removed = directory.join(REMOVED);
    gone(fs::remove_dir_all(&removed), &removed)?;
    let work = directory.join(WORK);
    gone(fs::remove_dir(&work), &work)?;
    // The lock last, so that nobody takes what is left for a new session.
    for name in [INCOMING, OUTGOING, NEXT_STATE, LOCK] {
        let file = directory.join(name);
        gone(fs::remove_file(&file), &file)?;
    }
    gone(fs::remove_dir(directory), directory)
}

/// What a directory without a state is: one that somebody is just making, the rest of a process that died while making or
/// removing it, or a place where a program has put something.
fn look_at_rest(directory: &Path) -> Option<Found> {
    let is_id = directory
        .file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.parse::<SessionId>().is_ok());
    if !is_id {
        return None;
    }
    let has_files = fs::read_dir(directory.join(WORK)).is_ok_and(|mut entries| entries.next().is_some());
    if has_files {
        return Some(Found::Unreadable(directory.to_owned()));
    }
    let made = directory.metadata().and_then(|metadata| metadata.modified());
    let old = made.is_ok_and(|made| SystemTime::now().duration_since(made).is_ok_and(|age| age > ABANDONED));
    if old {
        tracing::debug!(directory = %directory.display(), "an abandoned directory is removed");
        return clear(directory).is_err().then(|| Found::Unreadable(directory.to_owned()));
    }
    None
}

fn lock_file(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK);
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(disk(&path))
}

/// A rename is durable when its directory is.
fn sync_directory(directory: &Path) -> Result<(), StoreError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(disk(directory))
}

fn read_state(path: &Path) -> Option<Session> {
    if path.metadata().ok()?.len() > LARGEST_STATE {
        return None;
    }
    let session: Session = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    // The name goes into a path: nobody else may have put separators into it.
    let plain = Path::new(&session.file_name).file_name().is_some_and(|name| *name == *session.file_name);
    (session.format == FORMAT && plain).then_some(session)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{Found, Store, StoreError};
    use crate::server_address::ServerAddress;
    use crate::session::{Phase, Session};

    fn session() -> Session {
        let server = ServerAddress::parse("https://a.example").expect("an address");
        Session::new(server, "c".to_owned(), "docs/a.txt".to_owned(), "a.txt".to_owned())
    }

    fn store() -> (tempfile::TempDir, Store) {
        let temporary = tempfile::tempdir().expect("a directory");
        let store = Store::new(temporary.path().join("state/sessions"));
        (temporary, store)
    }

    #[test]
    fn a_session_is_for_its_owner_alone() {
        let (_temporary, store) = store();
        let open = store.create(session()).expect("a session");
        let mode = |path: &std::path::Path| path.metadata().expect("it").permissions().mode() & 0o777;
        assert_eq!(mode(open.directory()), 0o700);
        assert_eq!(mode(&open.work()), 0o700);
        assert_eq!(mode(&open.directory().join("state.json")), 0o600);
    }

    #[test]
    fn one_process_works_on_it_and_another_takes_it_over_only_afterwards() {
        let (_temporary, store) = store();
        let mut open = store.create(session()).expect("a session");
        let id = open.session().id.clone();
        assert!(matches!(store.open(&id), Err(StoreError::Busy(_))));
        assert!(matches!(store.all().expect("sessions")[..], [Found::Running(_)]));
        open.update(|session| session.phase = Phase::Editing).expect("written");
        drop(open);
        let again = store.open(&id).expect("left behind");
        assert_eq!(again.session().phase, Phase::Editing);
        again.remove().expect("removed");
        assert!(matches!(store.open(&id), Err(StoreError::Missing(_))));
        assert!(store.all().expect("sessions").is_empty());
    }

    #[test]
    fn a_state_that_cannot_be_read_is_shown_and_nothing_is_removed() {
        let (_temporary, store) = store();
        let open = store.create(session()).expect("a session");
        let directory = open.directory().to_owned();
        drop(open);
        let state = directory.join("state.json");
        let good = std::fs::read_to_string(&state).expect("a state");
        let hostile = good.replace("\"a.txt\"", "\"../../a.txt\"");
        assert_ne!(good, hostile);
        for bad in ["", "{", "[]", &good.replace("\"format\": 1", "\"format\": 2"), &hostile] {
            std::fs::write(&state, bad).expect("written");
            assert!(matches!(store.all().expect("sessions")[..], [Found::Unreadable(_)]), "{bad}");
            assert!(directory.is_dir());
        }
    }

    #[test]
    fn half_a_state_of_a_killed_process_does_not_matter() {
        let (_temporary, store) = store();
        let open = store.create(session()).expect("a session");
        std::fs::write(open.directory().join("state.json.next"), "{\"form").expect("written");
        let id = open.session().id.clone();
        drop(open);
        assert_eq!(store.open(&id).expect("the state before").session().phase, Phase::Opening);
    }

    #[test]
    fn what_a_program_writes_during_the_removal_stays() {
        let (_temporary, store) = store();
        let open = store.create(session()).expect("a session");
        let (id, directory) = (open.session().id.clone(), open.directory().to_owned());
        std::fs::write(open.working_copy(), "mine").expect("written");
        let kept = open.remove_if(|work| {
            assert_eq!(std::fs::read(work.join("a.txt")).expect("a file"), b"mine");
            false
        });
        let open = kept.expect("no fault").expect("it is kept");
        assert_eq!(std::fs::read(open.working_copy()).expect("a file"), b"mine");
        // One that makes the directory again.
        let refused = open.remove_if(|_| {
            std::fs::create_dir(directory.join("work")).expect("a directory");
            std::fs::write(directory.join("work/a.txt"), "newer").expect("written");
            true
        });
        assert!(refused.is_err());
        assert_eq!(std::fs::read(directory.join("work/a.txt")).expect("a file"), b"newer");
        assert!(matches!(store.all().expect("sessions")[..], [Found::Unreadable(_)]));
        assert!(matches!(store.open(&id), Err(StoreError::Missing(_))));
    }

    #[test]
    fn a_removal_that_was_interrupted_is_undone_or_finished() {
        let (_temporary, store) = store();
        let open = store.create(session()).expect("a session");
        let (id, directory) = (open.session().id.clone(), open.directory().to_owned());
        std::fs::write(open.working_copy(), "mine").expect("written");
        drop(open);
        std::fs::rename(directory.join("work"), directory.join("removed")).expect("moved aside");
        let open = store.open(&id).expect("left behind");
        assert_eq!(std::fs::read(open.working_copy()).expect("a file"), b"mine");
        drop(open);
        std::fs::rename(directory.join("work"), directory.join("removed")).expect("moved aside");
        std::fs::remove_file(directory.join("state.json")).expect("removed");
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
        let opened = std::fs::File::open(&directory).expect("a directory");
        opened.set_modified(long_ago).expect("a time");
        assert!(store.all().expect("sessions").is_empty());
        assert!(!directory.exists());
    }

    #[test]
    fn a_session_does_not_begin_in_the_directory_of_another() {
        let (_temporary, store) = store();
        let open = store.create(session()).expect("a session");
        let again = open.session().clone();
        drop(open);
        assert!(store.create(again).is_err());
    }

    #[test]
    fn a_directory_without_a_state_is_no_session_and_is_left_for_a_while() {
        let (temporary, store) = store();
        let directory = temporary.path().join("state/sessions/0123abcd");
        std::fs::create_dir_all(&directory).expect("a directory");
        assert!(store.all().expect("sessions").is_empty());
        assert!(directory.is_dir(), "somebody may just be making it");
    }
}
