//! Stories of users, with a real database and a clock of our own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use causeway_internal::accounts::{
    Account, ChangePassword, ChangeSettings, ChangeUser, CreateUser, DUPLICATE_EMAIL, DUPLICATE_USERNAME,
    DeleteUser, LAST_ADMIN, OWN_ACCOUNT, OWN_ADMIN_ACCESS, ResetPassword, Role, SignIn,
};
use causeway_internal::{Fault, FaultCode, Principal, UnixMicros};
use serde_json::json;
use sqlx::Row as _;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Accounts, rows};
use crate::changes::Changes;
use crate::origin;
use crate::store::{Clock, Store};

const HOUR: i64 = 3_600_000_000;

/// Begins on some day of 2026 and goes on only when told.
struct TestClock(AtomicI64);

impl TestClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).expect("short"), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixMicros {
        UnixMicros(self.0.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Duration {
        Duration::from_micros(self.now().0.unsigned_abs())
    }
}

struct Office {
    dir: TempDir,
    store: Store,
    accounts: Accounts,
    clock: Arc<TestClock>,
}

impl Office {
    async fn open() -> Self {
        Self::open_in(
            TempDir::new().expect("a directory"),
            Arc::new(TestClock(AtomicI64::new(1_795_000_000_000_000))),
        )
        .await
    }

    async fn open_in(dir: TempDir, clock: Arc<TestClock>) -> Self {
        let store = Store::open(dir.path()).await.expect("opened");
        let proxies = vec!["10.0.0.0/8".parse().expect("a network")];
        let accounts =
            Accounts::with_clock(store.clone(), proxies, clock.clone(), Changes::new()).await.expect("read");
        Self { dir, store, accounts, clock }
    }

    async fn restart(self) -> Self {
        let Self { dir, store, accounts, clock } = self;
        store.close().await;
        drop(accounts);
        Self::open_in(dir, clock).await
    }

    /// The first administrator, whose password is `secret`.
    async fn admin(&self) -> Arc<Account> {
        self.accounts.ensure_first_admin("admin", Some("secret")).await.expect("made");
        let users = self.accounts.state.users.load();
        users.values().find(|account| account.username == "admin").cloned().expect("there")
    }

    /// A user whose password is his name.
    async fn user(&self, admin: &Account, username: &str, role: Role) -> Account {
        let call = CreateUser { password: Some(username.to_owned()), role, ..new_user(username) };
        self.accounts.create_user(admin, call).await.expect("created").account
    }

    async fn sign_in(&self, username: &str, password: &str) -> Result<Account, Fault> {
        // So that the limiter is no part of the story.
        self.clock.advance(Duration::from_secs(90));
        self.accounts.sign_in(attempt(username, password)).await
    }

    async fn authorize(&self, account: &Account) -> Result<Arc<Account>, Fault> {
        self.accounts.authorize(Principal { user_id: account.id, token_version: account.token_version }).await
    }

    /// What the database says, past the memory.
    async fn stored(&self) -> BTreeMap<Uuid, Account> {
        let users = rows::all(&self.store).await.expect("read");
        users.into_iter().map(|(id, account)| (id, (*account).clone())).collect()
    }

    fn remembered(&self) -> BTreeMap<Uuid, Account> {
        self.accounts.state.users.load().iter().map(|(id, account)| (*id, (**account).clone())).collect()
    }

    async fn audit(&self) -> Vec<String> {
        let rows = sqlx::query(
            "SELECT event, result, actor_name, subject_name, origin, detail FROM audit ORDER BY id",
        )
        .fetch_all(self.store.readers())
        .await
        .expect("read");
        rows.iter()
            .map(|row| {
                let field = |name| row.get::<Option<String>, _>(name).unwrap_or_else(|| "-".to_owned());
                ["event", "result", "actor_name", "subject_name", "origin", "detail"].map(field).join("|")
            })
            .collect()
    }
}

fn attempt(username: &str, password: &str) -> SignIn {
    SignIn {
        username: username.to_owned(),
        password: password.to_owned(),
        peer: Some("192.0.2.1".to_owned()),
        forwarded_for: None,
    }
}

fn new_user(username: &str) -> CreateUser {
    CreateUser {
        username: username.to_owned(),
        name: None,
        email: None,
        role: Role::Editor,
        password: None,
        must_change_password: true,
        expires_at: None,
    }
}

fn no_change(id: Uuid) -> ChangeUser {
    ChangeUser { id, username: None, name: None, email: None, role: None, is_active: None, expires_at: None }
}

fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, Fault>, code: FaultCode, message: &str) {
    let fault = outcome.expect_err(message);
    assert_eq!((fault.code, fault.message.as_str()), (code, message));
}

#[tokio::test]
async fn the_first_start_makes_one_administrator() {
    let office = Office::open().await;
    let password = office.accounts.ensure_first_admin(" admin ", None).await.expect("made").expect("made up");
    assert_eq!(password.chars().count(), 20);
    assert_eq!(office.accounts.ensure_first_admin("other", None).await, Ok(None));
    let admin = office.sign_in("admin", &password).await.expect("signed in");
    assert_eq!(
        (admin.role, admin.must_change_password, admin.has_local_password),
        (Role::Admin, false, true)
    );

    let office = office.restart().await;
    assert_eq!(office.accounts.ensure_first_admin("admin", Some("another")).await, Ok(None));
    assert_eq!(office.sign_in("admin", &password).await, Ok(admin));
    assert_eq!(office.stored().await.len(), 1);
}

#[tokio::test]
async fn the_first_administrators_password_may_be_given() {
    let office = Office::open().await;
    assert_eq!(office.accounts.ensure_first_admin("root", Some("correct horse")).await, Ok(None));
    office.sign_in("root", "correct horse").await.expect("signed in");
}

#[tokio::test]
async fn every_refused_sign_in_looks_the_same() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let disabled = office.user(&admin, "disabled", Role::Editor).await;
    let call = ChangeUser { is_active: Some(false), ..no_change(disabled.id) };
    office.accounts.change_user(&admin, call).await.expect("changed");
    let ended = office.user(&admin, "ended", Role::Editor).await;
    let call = ChangeUser { expires_at: Some(office.clock.now()), ..no_change(ended.id) };
    office.accounts.change_user(&admin, call).await.expect("changed");
    let damaged = office.user(&admin, "damaged", Role::Editor).await;
    let mut change = office.store.begin().await.expect("begun");
    rows::set_password_hash(&mut change, damaged.id, "$argon2id$nonsense").await.expect("written");
    change.commit().await.expect("committed");

    let long = "x".repeat(100_000);
    for (username, password) in [
        ("nobody", "secret"),
        ("admin", "Secret"),
        ("Admin", "secret"),
        (" admin", "secret"),
        ("admin", ""),
        ("admin", &long),
        ("disabled", "disabled"),
        ("ended", "ended"),
        ("damaged", "damaged"),
        ("", ""),
        ("' OR 1=1 --", "x"),
    ] {
        assert_refused(
            office.sign_in(username, password).await,
            FaultCode::BadCredentials,
            "Incorrect username or password",
        );
    }
    office.sign_in("admin", "secret").await.expect("signed in");
}

#[tokio::test]
async fn time_does_not_tell_who_exists() {
    let office = Office::open().await;
    office.admin().await;
    let mut shortest = [Duration::MAX; 2];
    for _ in 0..3 {
        for (username, shortest) in ["admin", "nobody"].into_iter().zip(&mut shortest) {
            let begun = Instant::now();
            office.sign_in(username, "wrong").await.expect_err("refused");
            *shortest = begun.elapsed().min(*shortest);
        }
    }
    let [known, unknown] = shortest;
    assert!(unknown > known / 2 && known > unknown / 2, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn a_new_password_revokes_all_tokens() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let anna = office.user(&admin, "anna", Role::Editor).await;
    assert!(anna.must_change_password);
    let anna = office.authorize(&anna).await.expect("let in");

    let wrong = ChangePassword { current: "anne".to_owned(), new: "new".to_owned() };
    assert_refused(
        office.accounts.change_password(&anna, wrong).await,
        FaultCode::BadCredentials,
        "Current password is incorrect",
    );
    office.authorize(&anna).await.expect("still let in");

    let right = ChangePassword { current: "anna".to_owned(), new: "new".to_owned() };
    office.accounts.change_password(&anna, right.clone()).await.expect("changed");
    assert_refused(
        office.authorize(&anna).await,
        FaultCode::PrincipalRefused,
        "Could not validate credentials",
    );
    assert_refused(
        office.accounts.change_password(&anna, right).await,
        FaultCode::PrincipalRefused,
        "Could not validate credentials",
    );
    assert!(office.sign_in("anna", "anna").await.is_err());
    let anna = office.sign_in("anna", "new").await.expect("signed in");
    assert_eq!((anna.token_version, anna.must_change_password), (1, false));
    office.authorize(&anna).await.expect("let in");

    let reset = ResetPassword { id: anna.id, new_password: "reset".to_owned(), must_change_password: true };
    office.accounts.reset_password(&admin, reset).await.expect("reset");
    assert!(office.authorize(&anna).await.is_err());
    let office = office.restart().await;
    assert!(office.authorize(&anna).await.is_err(), "a revoked token stays revoked");
    let anna = office.sign_in("anna", "reset").await.expect("signed in");
    assert_eq!((anna.token_version, anna.must_change_password), (2, true));
    assert_eq!(office.stored().await, office.remembered());
}

#[tokio::test]
async fn of_two_password_changes_at_once_one_is_made() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let change = |new: &str| ChangePassword { current: "secret".to_owned(), new: new.to_owned() };
    let (one, other) = tokio::join!(
        office.accounts.change_password(&admin, change("one")),
        office.accounts.change_password(&admin, change("other")),
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
    let valid = if one.is_ok() { "one" } else { "other" };
    assert_eq!(office.sign_in("admin", valid).await.expect("signed in").token_version, 1);
}

#[tokio::test]
async fn disabling_and_expiry_count_at_once() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let anna = office.user(&admin, "anna", Role::Editor).await;
    let change = |is_active| ChangeUser { is_active: Some(is_active), ..no_change(anna.id) };
    office.accounts.change_user(&admin, change(false)).await.expect("changed");
    assert!(office.authorize(&anna).await.is_err());
    office.accounts.change_user(&admin, change(true)).await.expect("changed");
    office.authorize(&anna).await.expect("the old token is good again");

    let viewer = ChangeUser { role: Some(Role::Viewer), ..no_change(anna.id) };
    office.accounts.change_user(&admin, viewer).await.expect("changed");
    assert_eq!(office.authorize(&anna).await.expect("let in").role, Role::Viewer);

    let end = UnixMicros(office.clock.now().0 + HOUR);
    let ends = ChangeUser { expires_at: Some(end), ..no_change(anna.id) };
    office.accounts.change_user(&admin, ends).await.expect("changed");
    office.clock.advance(Duration::from_secs(3599));
    office.authorize(&anna).await.expect("let in to the last second");
    office.clock.advance(Duration::from_secs(1));
    assert!(office.authorize(&anna).await.is_err());
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let office = Office::open().await;
    let admin = office.admin().await;
    for (user_id, token_version) in [(Uuid::new_v4(), 0), (admin.id, 1), (admin.id, u32::MAX)] {
        assert_refused(
            office.accounts.authorize(Principal { user_id, token_version }).await,
            FaultCode::PrincipalRefused,
            "Could not validate credentials",
        );
    }
}

#[tokio::test]
async fn administration_is_for_administrators() {
    let office = Office::open().await;
    let admin = office.admin().await;
    for role in [Role::Editor, Role::Viewer] {
        let other = office.user(&admin, &format!("{role:?}"), role).await;
        let reset =
            ResetPassword { id: admin.id, new_password: "mine".to_owned(), must_change_password: false };
        let refusals = [
            office.accounts.list_users(&other).await.err(),
            office.accounts.create_user(&other, new_user("x")).await.err(),
            office.accounts.change_user(&other, no_change(other.id)).await.err(),
            office.accounts.reset_password(&other, reset).await.err(),
            office.accounts.delete_user(&other, DeleteUser { id: admin.id }).await.err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.map(|fault| fault.code), Some(FaultCode::NotPermitted));
        }
    }
    // Not even with an account from before he lost the role.
    let former = office.user(&admin, "former", Role::Admin).await;
    let demote = ChangeUser { role: Some(Role::Editor), ..no_change(former.id) };
    office.accounts.change_user(&admin, demote).await.expect("changed");
    assert_eq!(
        office.accounts.list_users(&former).await.map_err(|fault| fault.code),
        Err(FaultCode::NotPermitted)
    );
    assert_eq!(office.accounts.list_users(&admin).await.expect("listed").len(), 4);
}

#[tokio::test]
async fn new_users_get_a_temporary_password() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let call = CreateUser {
        username: "  anna ".to_owned(),
        name: Some("  ".to_owned()),
        email: Some(" Anna@Example.ORG ".to_owned()),
        password: Some(" ".to_owned()),
        ..new_user("")
    };
    let created = office.accounts.create_user(&admin, call).await.expect("created");
    let account = created.account;
    assert_eq!((account.username.as_str(), account.name.as_deref()), ("anna", None));
    assert_eq!(account.email.as_deref(), Some("anna@example.org"));
    let password = created.temporary_password.expect("made up");
    assert_eq!(office.sign_in("anna", &password).await, Ok(account));
    let call = CreateUser { password: Some("given".to_owned()), ..new_user("berta") };
    assert_eq!(office.accounts.create_user(&admin, call).await.expect("created").temporary_password, None);

    for username in ["", "  ", "an\u{7}na", &"x".repeat(256)] {
        let refused = office.accounts.create_user(&admin, new_user(username)).await;
        assert_eq!(refused.map(|_| ()).map_err(|fault| fault.code), Err(FaultCode::Invalid), "{username:?}");
    }
}

#[tokio::test]
async fn names_and_addresses_are_unique() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let call = CreateUser { email: Some("anna@example.org".to_owned()), ..new_user("anna") };
    let anna = office.accounts.create_user(&admin, call).await.expect("created").account;
    let berta = office.user(&admin, "berta", Role::Editor).await;
    office.user(&admin, "Anna", Role::Editor).await;

    let refused = office.accounts.create_user(&admin, new_user(" anna")).await;
    assert_refused(refused, FaultCode::Conflict, DUPLICATE_USERNAME);
    let call = CreateUser { email: Some("ANNA@example.org".to_owned()), ..new_user("clara") };
    assert_refused(office.accounts.create_user(&admin, call).await, FaultCode::Conflict, DUPLICATE_EMAIL);
    let call = ChangeUser { username: Some("anna".to_owned()), ..no_change(berta.id) };
    assert_refused(office.accounts.change_user(&admin, call).await, FaultCode::Conflict, DUPLICATE_USERNAME);
    let call = ChangeUser { email: Some("anna@Example.org".to_owned()), ..no_change(berta.id) };
    assert_refused(office.accounts.change_user(&admin, call).await, FaultCode::Conflict, DUPLICATE_EMAIL);

    let call = ChangeUser {
        username: Some("anna".to_owned()),
        name: Some("Anna A.".to_owned()),
        email: Some(String::new()),
        ..no_change(anna.id)
    };
    let anna = office.accounts.change_user(&admin, call).await.expect("her own name is no duplicate");
    assert_eq!((anna.name.as_deref(), anna.email), (Some("Anna A."), None));
    let call = ChangeUser { name: Some(String::new()), ..no_change(anna.id) };
    assert_eq!(office.accounts.change_user(&admin, call).await.expect("changed").name, None);
    let missing = office.accounts.change_user(&admin, no_change(Uuid::new_v4())).await;
    assert_refused(missing, FaultCode::UserNotFound, "User not found");
}

#[tokio::test]
async fn an_administrator_always_remains() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let own = [
        ChangeUser { role: Some(Role::Editor), ..no_change(admin.id) },
        ChangeUser { is_active: Some(false), ..no_change(admin.id) },
        ChangeUser { expires_at: Some(office.clock.now()), ..no_change(admin.id) },
    ];
    for call in own {
        assert_refused(
            office.accounts.change_user(&admin, call).await,
            FaultCode::Conflict,
            OWN_ADMIN_ACCESS,
        );
    }
    let own = office.accounts.delete_user(&admin, DeleteUser { id: admin.id }).await;
    assert_refused(own, FaultCode::Conflict, OWN_ACCOUNT);

    // A second one whose account ends in an hour: until then either may go, afterwards only he.
    let second = CreateUser {
        role: Role::Admin,
        expires_at: Some(UnixMicros(office.clock.now().0 + HOUR)),
        ..new_user("second")
    };
    let second = office.accounts.create_user(&admin, second).await.expect("created").account;
    let third = office.user(&admin, "third", Role::Admin).await;
    office.accounts.delete_user(&second, DeleteUser { id: third.id }).await.expect("two remain");
    office.clock.advance(Duration::from_hours(1));
    let refused = office.accounts.delete_user(&second, DeleteUser { id: admin.id }).await;
    assert_eq!(
        refused.map_err(|fault| fault.code),
        Err(FaultCode::PrincipalRefused),
        "his account has ended"
    );
    office
        .accounts
        .delete_user(&admin, DeleteUser { id: second.id })
        .await
        .expect("an ended one does not count");
}

#[tokio::test]
async fn of_two_administrators_who_remove_each_other_one_remains() {
    let office = Office::open().await;
    let admin = office.admin().await;
    for round in 0..5 {
        let rival = office.user(&admin, &format!("rival{round}"), Role::Admin).await;
        let demote = |id| ChangeUser { role: Some(Role::Editor), ..no_change(id) };
        let (one, other) = tokio::join!(
            office.accounts.change_user(&admin, demote(rival.id)),
            office.accounts.change_user(&rival, demote(admin.id)),
        );
        assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
        let admins = office.stored().await.into_values().filter(|user| user.role == Role::Admin).count();
        assert_eq!(admins, 1);
        if other.is_ok() {
            let restore = ChangeUser { role: Some(Role::Admin), ..no_change(admin.id) };
            office.accounts.change_user(&rival, restore).await.expect("restored");
            office.accounts.change_user(&admin, demote(rival.id)).await.expect("demoted");
        }
    }
}

#[tokio::test]
async fn the_last_administrator_is_protected_from_others_too() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let second = office.user(&admin, "second", Role::Admin).await;
    // The first one's account ends while the second is looking; nobody but the second could act, and he may.
    let ends =
        ChangeUser { expires_at: Some(UnixMicros(office.clock.now().0 + HOUR)), ..no_change(admin.id) };
    office.accounts.change_user(&second, ends).await.expect("changed");
    office.clock.advance(Duration::from_hours(2));
    let demote = ChangeUser { role: Some(Role::Editor), ..no_change(second.id) };
    assert_refused(office.accounts.change_user(&second, demote).await, FaultCode::Conflict, OWN_ADMIN_ACCESS);
    assert_ne!(LAST_ADMIN, OWN_ADMIN_ACCESS);
}

#[tokio::test]
async fn settings_are_everybodys_own() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let anna = office.user(&admin, "anna", Role::Viewer).await;
    assert_eq!(office.accounts.settings(&anna).await, Ok(BTreeMap::new()));
    let set = |pairs: &[(&str, serde_json::Value)]| ChangeSettings {
        set: pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
        clear: Vec::new(),
    };
    let themes = json!([{"id": "x", "name": "Ünï", "mode": "dark"}]);
    let call = set(&[("appearance.theme_id", json!("dark")), ("appearance.custom_themes", themes.clone())]);
    let stored = office.accounts.change_settings(&anna, call).await.expect("changed");
    assert_eq!(stored["appearance.custom_themes"], themes);
    let call = ChangeSettings {
        clear: vec!["appearance.theme_id".to_owned(), "unknown".to_owned()],
        ..set(&[("a", json!(null))])
    };
    office.accounts.change_settings(&anna, call).await.expect("changed");

    let office = office.restart().await;
    let expected: BTreeMap<_, _> =
        [("a".to_owned(), json!(null)), ("appearance.custom_themes".to_owned(), themes)].into();
    assert_eq!(office.accounts.settings(&anna).await, Ok(expected.clone()));
    assert_eq!(office.accounts.settings(&admin).await, Ok(BTreeMap::new()));

    let huge = set(&[("b", json!(1)), ("huge", json!("x".repeat(1_000_000)))]);
    let refused = office.accounts.change_settings(&anna, huge).await.expect_err("too large");
    assert_eq!(refused.code, FaultCode::Invalid);
    let long_key = set(&[("b", json!(1)), (&"k".repeat(129), json!(1))]);
    assert_eq!(
        office.accounts.change_settings(&anna, long_key).await.expect_err("too long").code,
        FaultCode::Invalid
    );
    assert_eq!(office.accounts.settings(&anna).await, Ok(expected), "all or nothing");

    office.accounts.delete_user(&admin, DeleteUser { id: anna.id }).await.expect("deleted");
    let gone = office.accounts.change_settings(&anna, set(&[("a", json!(1))])).await.expect_err("gone");
    assert_eq!(gone.code, FaultCode::PrincipalRefused);
    let left: i64 = sqlx::query("SELECT COUNT(*) AS n FROM user_settings")
        .fetch_one(office.store.readers())
        .await
        .and_then(|row| row.try_get("n"))
        .expect("counted");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let office = Office::open().await;
    office.admin().await;
    for _ in 0..10 {
        let refused = office.accounts.sign_in(attempt("admin", "guess")).await.expect_err("wrong");
        assert_eq!(refused.code, FaultCode::BadCredentials);
    }
    let limited = office.accounts.sign_in(attempt("admin", "secret")).await.expect_err("too many");
    assert_eq!((limited.code, limited.retry_after_seconds), (FaultCode::RateLimited, Some(90)));
    assert_eq!(limited.message, "Incorrect username or password");
    let elsewhere = SignIn {
        peer: Some("10.0.0.1".to_owned()),
        forwarded_for: Some("198.51.100.7, 10.0.0.2".to_owned()),
        ..attempt("admin", "secret")
    };
    assert!(
        office.accounts.sign_in(elsewhere.clone()).await.is_err(),
        "the name is limited wherever it comes from"
    );
    office.clock.advance(Duration::from_micros(89_999_999));
    assert_eq!(
        office.accounts.sign_in(elsewhere.clone()).await.expect_err("too many").retry_after_seconds,
        Some(1)
    );
    office.clock.advance(Duration::from_micros(1));
    office.accounts.sign_in(elsewhere).await.expect("signed in");

    let record = office.audit().await;
    assert_eq!(record.iter().filter(|line| *line == "sign_in|failed|admin|-|192.0.2.1|password").count(), 10);
    assert_eq!(record.last().map(String::as_str), Some("sign_in|succeeded|admin|-|198.51.100.7|password"));
}

#[tokio::test]
async fn changes_are_recorded_with_where_they_came_from() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let changes = async {
        let anna = office.user(&admin, "anna", Role::Editor).await;
        let call =
            ChangeUser { role: Some(Role::Viewer), name: Some("Anna".to_owned()), ..no_change(anna.id) };
        office.accounts.change_user(&admin, call).await.expect("changed");
        let call =
            ResetPassword { id: anna.id, new_password: "hidden".to_owned(), must_change_password: false };
        office.accounts.reset_password(&admin, call).await.expect("reset");
        let anna = office.sign_in("anna", "hidden").await.expect("signed in");
        let call = ChangePassword { current: "hidden".to_owned(), new: "hidden too".to_owned() };
        office.accounts.change_password(&anna, call).await.expect("changed");
        office.accounts.delete_user(&admin, DeleteUser { id: anna.id }).await.expect("deleted");
    };
    Box::pin(origin::within(Some("192.0.2.7".to_owned()), changes)).await;
    assert_eq!(
        office.audit().await,
        [
            "user.created|succeeded|-|admin|-|first administrator",
            "user.created|succeeded|admin|anna|192.0.2.7|",
            "user.changed|succeeded|admin|anna|192.0.2.7|name role",
            "password.reset|succeeded|admin|anna|192.0.2.7|",
            "sign_in|succeeded|anna|-|192.0.2.1|password",
            "password.changed|succeeded|anna|anna|192.0.2.7|",
            "user.deleted|succeeded|admin|anna|192.0.2.7|",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_leaves_does_not_cut_a_change_in_two() {
    let office = Office::open().await;
    let admin = office.admin().await;
    let anna = office.user(&admin, "anna", Role::Editor).await;
    for round in 0..200_u64 {
        let call = ChangeUser { name: Some(format!("Anna {round}")), ..no_change(anna.id) };
        let change = office.accounts.change_user(&admin, call);
        let _ = tokio::time::timeout(Duration::from_micros(round * 10), change).await;
    }
    // The last of them may still be at work; this one waits for its turn.
    let call = ChangeUser { username: Some("berta".to_owned()), ..no_change(anna.id) };
    office.accounts.change_user(&admin, call).await.expect("changed");
    assert_eq!(office.stored().await, office.remembered());
}
