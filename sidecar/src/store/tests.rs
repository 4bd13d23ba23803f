use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use causeway_internal::{FaultCode, UnixMicros};
use causeway_paths::SharePath;
use sqlx::Row as _;
use tempfile::TempDir;
use uuid::Uuid;

use super::Store;
use super::audit::{self, Event, Outcome, Record};
use super::open::OpenError;

impl Store {
    /// Has the database take no changes, as one does whose disk is full, or take them again.
    pub(crate) async fn refuse_changes(&self, refuse: bool) {
        for pool in [&self.inner.writer, &self.inner.light_writer] {
            let sql = if refuse { "PRAGMA query_only = ON" } else { "PRAGMA query_only = OFF" };
            // The only connection of its pool.
            sqlx::query(sql).execute(pool).await.expect("said");
        }
    }
}

async fn open(dir: &TempDir) -> Result<Store, OpenError> {
    Store::open(dir.path()).await
}

/// A row that entries of the journal can refer to.
async fn connection(store: &Store) -> Uuid {
    let id = Uuid::new_v4();
    let mut change = store.begin().await.expect("begun");
    sqlx::query(
        "INSERT INTO connections (id, name, slug, kind, host, port, username, password_sealed, scope, access_mode,
                                  revision, created_at, updated_at)
         VALUES (?, 'NAS', ?, 'smb', 'nas', 445, 'anna', '', 'shared', 'read_write', 1, 0, 0)",
    )
    .bind(id.hyphenated())
    .bind(id.to_string())
    .execute(&mut *change)
    .await
    .expect("inserted");
    change.commit().await.expect("committed");
    id
}

#[tokio::test]
async fn the_database_is_private() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    connection(&store).await;
    for name in ["causeway.db", "causeway.db-wal", "causeway.lock"] {
        let mode = fs::metadata(dir.path().join(name)).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_data_directory_has_one_owner_at_a_time() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    assert!(matches!(open(&dir).await, Err(OpenError::InUse(_))));
    store.close().await;
    open(&dir).await.expect("opened again").close().await;
}

#[tokio::test]
async fn what_is_no_database_is_refused() {
    let dir = TempDir::new().expect("a directory");
    fs::write(
        dir.path().join("causeway.db"),
        "This is a letter to my aunt, and a long one at that.".repeat(100),
    )
    .expect("written");
    let error = open(&dir).await.err().expect("refused");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let dir = TempDir::new().expect("a directory");
    open(&dir).await.expect("opened").close().await;
    let path = dir.path().join("causeway.db");
    let mut bytes = fs::read(&path).expect("read");
    let length = bytes.len();
    // Everything behind the header of the first page.
    bytes[100..length].fill(0x5a);
    fs::write(&path, bytes).expect("written");
    let error = open(&dir).await.err().expect("refused");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let mut change = store.begin().await.expect("begun");
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of the future', TRUE, x'00', 0)",
    )
    .execute(&mut *change)
    .await
    .expect("inserted");
    change.commit().await.expect("committed");
    store.close().await;
    let error = open(&dir).await.err().expect("refused");
    assert!(matches!(error, OpenError::Newer { version: 9999, .. }), "{error}");
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[tokio::test]
async fn a_database_of_other_origin_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let mut change = store.begin().await.expect("begun");
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut *change).await.expect("updated");
    change.commit().await.expect("committed");
    store.close().await;
    assert!(matches!(open(&dir).await, Err(OpenError::OtherHistory { version: 1, .. })));
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_named() {
    let dir = TempDir::new().expect("a directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    for unusable in [file.clone(), file.join("below")] {
        let error = Store::open(&unusable).await.err().expect("refused").to_string();
        assert!(error.contains(&unusable.display().to_string()), "{error}");
    }
    fs::create_dir(dir.path().join("causeway.db")).expect("made");
    let error = open(&dir).await.err().expect("refused").to_string();
    assert!(error.contains("causeway.db"), "{error}");
}

#[tokio::test]
async fn the_journal_survives_a_restart() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let nas = connection(&store).await;
    let journal = store.journal();
    let path = |text: &str| SharePath::parse(text).expect("a path");
    let done = journal.begin((nas, "share"), &path("a/done"), "new", false).await.expect("begun");
    let cut_off =
        journal.begin((nas, "share"), &path("a/cut off"), "old:Brief.txt", true).await.expect("begun");
    assert_ne!(done, cut_off);
    journal.end(done).await.expect("ended");
    journal.end(done).await.expect("ended twice is ended");
    store.close().await;

    let store = open(&dir).await.expect("opened again");
    let leftovers = store.journal().leftovers().await.expect("read");
    assert_eq!(leftovers.len(), 1);
    let leftover = &leftovers[0];
    assert_eq!(
        (leftover.id, leftover.connection, leftover.purpose.as_str()),
        (cut_off, nas, "old:Brief.txt")
    );
    assert_eq!(leftover.path, path("a/cut off"));
    let next = store.journal().begin((nas, "share"), &path("b"), "new", false).await.expect("begun");
    assert!(next > cut_off, "numbers are never used again");
}

#[tokio::test]
async fn what_was_committed_survives_a_kill() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let nas = connection(&store).await;
    let id = store.journal().begin((nas, "share"), &SharePath::root(), "new", false).await.expect("begun");
    // The files as they are at this moment, with nothing closed: what a killed process leaves.
    let left = TempDir::new().expect("a directory");
    for name in ["causeway.db", "causeway.db-wal"] {
        fs::copy(dir.path().join(name), left.path().join(name)).expect("copied");
    }
    let store = open(&left).await.expect("opened");
    let leftovers = store.journal().leftovers().await.expect("read");
    assert_eq!(
        leftovers.iter().map(|leftover| (leftover.id, leftover.connection)).collect::<Vec<_>>(),
        [(id, nas)]
    );
}

#[tokio::test]
async fn the_journal_of_a_deleted_connection_goes_with_it() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let nas = connection(&store).await;
    let journal = store.journal();
    let id = journal.begin((nas, "share"), &SharePath::root(), "new", false).await.expect("begun");
    let mut change = store.begin().await.expect("begun");
    sqlx::query("DELETE FROM connections").execute(&mut *change).await.expect("deleted");
    change.commit().await.expect("committed");
    assert_eq!(journal.leftovers().await.expect("read"), []);
    journal.end(id).await.expect("nothing to do");
    let refused = journal
        .begin((nas, "share"), &SharePath::root(), "new", false)
        .await
        .expect_err("no such connection");
    assert_eq!(refused.code, FaultCode::ConnectionNotFound);
}

#[tokio::test]
async fn many_write_at_once() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let nas = connection(&store).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (store, journal) = (store.clone(), store.journal());
        tasks.spawn(async move {
            let path = SharePath::parse(&format!("file{number}")).expect("a path");
            let id = journal.begin((nas, "share"), &path, "new", false).await.expect("begun");
            let mut change = store.begin().await.expect("begun");
            audit::write(&mut change, UnixMicros(0), record("somebody")).await.expect("recorded");
            change.commit().await.expect("committed");
            journal.end(id).await.expect("ended");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no panic");
    }
    assert_eq!(store.journal().leftovers().await.expect("read"), []);
    let count: i64 = sqlx::query("SELECT COUNT(*) AS n FROM audit")
        .fetch_one(store.readers())
        .await
        .and_then(|row| row.try_get("n"))
        .expect("counted");
    assert_eq!(count, 50);
}

#[tokio::test]
async fn the_audit_record_is_bounded() {
    let dir = TempDir::new().expect("a directory");
    let store = open(&dir).await.expect("opened");
    let mut change = store.begin().await.expect("begun");
    audit::write(&mut change, UnixMicros(1), record(&"x".repeat(10_000))).await.expect("recorded");
    let forced = Record { event: Event::LockForced, ..record("admin") };
    audit::write(&mut change, UnixMicros(2), forced).await.expect("recorded");
    sqlx::query(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 100997)
         INSERT INTO audit (at, event, result, detail) SELECT 2 + n, 'lock.acquired', 'succeeded', '' FROM number",
    )
    .execute(&mut *change)
    .await
    .expect("many of one class");
    // The thousandth is the one at which it is looked.
    audit::write(&mut change, UnixMicros(200_000), record("anna")).await.expect("recorded");
    change.commit().await.expect("committed");
    let kept =
        sqlx::query("SELECT event, COUNT(*) AS n, MIN(at) AS first FROM audit GROUP BY event ORDER BY event")
            .fetch_all(store.readers())
            .await
            .expect("read");
    let kept: Vec<(String, i64, i64)> =
        kept.iter().map(|row| (row.get("event"), row.get("n"), row.get("first"))).collect();
    let expected = [("lock.acquired", 100_000, 1_000), ("lock.forced", 1, 2), ("sign_in", 2, 1)];
    assert_eq!(kept, expected.map(|(event, count, first)| (event.to_owned(), count, first)));
}

fn record(name: &str) -> Record<'_> {
    Record {
        event: Event::SignIn,
        outcome: Outcome::Failed,
        actor: Some((None, name)),
        subject: None,
        origin: Some("192.0.2.1"),
        detail: "password",
    }
}
