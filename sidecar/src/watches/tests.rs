//! The keeper and the hub against a directory that does what a case wants.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use causeway_internal::files::ItemKind;
use causeway_paths::TempName;
use causeway_smb::{
    ChangeAction, DEFAULT_PORT, EntryKind, ItemChange, Metadata, ShareError, ShareErrorKind, Target,
    WatchEvent,
};
use causeway_versions::FileTime;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::source::{Armed, Reports};
use super::*;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long enough for a message that must not come to have come.
const QUIET: Duration = Duration::from_millis(400);

type Report = Result<WatchEvent, ShareErrorKind>;

/// A directory on a server that is only claimed.
#[derive(Default)]
struct Directory {
    /// What the next attempts to watch it give; afterwards they succeed.
    refusals: Mutex<VecDeque<ShareErrorKind>>,
    number: Mutex<u64>,
    entries: Mutex<Vec<Metadata>>,
    missing: Mutex<bool>,
    reporter: Mutex<Option<mpsc::UnboundedSender<Report>>>,
    /// How long a listing takes, and whether it is never answered.
    listing_takes: Mutex<Duration>,
    listings_time_out: AtomicBool,
    /// Whether the server does not answer any more.
    hangs: AtomicBool,
    attempts: AtomicUsize,
    opened: AtomicUsize,
    listed: AtomicUsize,
    open: Arc<AtomicUsize>,
}

struct Watching {
    reports: mpsc::UnboundedReceiver<Report>,
    open: Arc<AtomicUsize>,
}

impl Directory {
    fn report(&self, report: Report) {
        let reporter = self.reporter.lock().unwrap();
        reporter.as_ref().expect("it is watched").send(report).expect("somebody listens");
    }

    fn metadata(&self) -> Metadata {
        Metadata { file_id: *self.number.lock().unwrap(), ..entry("", EntryKind::Directory, 0) }
    }
}

fn entry(name: &str, kind: EntryKind, size: u64) -> Metadata {
    Metadata {
        name: name.to_owned(),
        kind,
        is_link: false,
        size,
        created: FileTime::UNKNOWN,
        accessed: FileTime::UNKNOWN,
        modified: FileTime::UNKNOWN,
        changed: FileTime::UNKNOWN,
        attributes: 0,
        file_id: 7,
        volume_id: None,
    }
}

#[async_trait]
impl Source for Directory {
    async fn arm(&self) -> Result<Armed, ShareError> {
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if let Some(refusal) = self.refusals.lock().unwrap().pop_front() {
            return Err(refusal.into());
        }
        let directory = self.look().await?;
        let (reporter, reports) = mpsc::unbounded_channel();
        *self.reporter.lock().unwrap() = Some(reporter);
        self.opened.fetch_add(1, Ordering::SeqCst);
        self.open.fetch_add(1, Ordering::SeqCst);
        Ok(Armed { reports: Box::new(Watching { reports, open: Arc::clone(&self.open) }), directory })
    }

    async fn look(&self) -> Result<Metadata, ShareError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if *self.missing.lock().unwrap() { Err(ShareErrorKind::NotFound.into()) } else { Ok(self.metadata()) }
    }

    async fn list(&self) -> Result<Vec<Metadata>, ShareError> {
        self.listed.fetch_add(1, Ordering::SeqCst);
        let takes = *self.listing_takes.lock().unwrap();
        sleep(takes).await;
        if self.listings_time_out.load(Ordering::SeqCst) {
            return Err(ShareErrorKind::TimedOut.into());
        }
        Ok(self.entries.lock().unwrap().clone())
    }

    fn is_retired(&self) -> bool {
        false
    }
}

#[async_trait]
impl Reports for Watching {
    async fn next(&mut self) -> Result<WatchEvent, ShareError> {
        match self.reports.recv().await {
            Some(Ok(event)) => Ok(event),
            Some(Err(kind)) => Err(kind.into()),
            None => std::future::pending().await,
        }
    }

    async fn close(self: Box<Self>) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A subscriber that notes what it is told.
pub(super) struct Browser {
    pub(super) told: mpsc::UnboundedSender<Event>,
}

impl Subscriber for Browser {
    fn tell(&self, _topic: &Arc<Topic>, event: Event) {
        let _ = self.told.send(event);
    }

    fn user(&self) -> Uuid {
        Uuid::nil()
    }
}

struct Office {
    watches: Watches,
    directory: Arc<Directory>,
    metrics: Arc<Metrics>,
}

pub(super) struct Subscription {
    pub(super) seat: Option<Seat>,
    pub(super) told: mpsc::UnboundedReceiver<Event>,
}

impl Office {
    fn open() -> Self {
        let metrics = Arc::new(Metrics::default());
        Self { watches: Watches::new(Arc::clone(&metrics)), directory: Arc::default(), metrics }
    }

    fn share() -> ShareKey {
        ShareKey::of(&Target::new("nas", DEFAULT_PORT, "data", "u", "p"))
    }

    fn subscribe(&self, id: u64) -> Subscription {
        self.subscribe_as(id, Welcome::Acknowledge)
    }

    fn subscribe_as(&self, id: u64, welcome: Welcome) -> Subscription {
        self.subscribe_at("docs", Self::share(), &self.directory, (id, welcome)).expect("there is room")
    }

    fn subscribe_at(
        &self,
        path: &str,
        share: ShareKey,
        directory: &Arc<Directory>,
        (id, welcome): (u64, Welcome),
    ) -> Result<Subscription, TooMany> {
        let key = Key { connection: Uuid::nil(), revision: 1, path: SharePath::parse(path).unwrap() };
        let (told, receiver) = mpsc::unbounded_channel();
        let subscriber: Arc<dyn Subscriber> = Arc::new(Browser { told });
        let directory = Arc::clone(directory);
        let subscriber = (id, subscriber);
        let seat = self.watches.hub.subscribe(key, share, ("c", path), subscriber, welcome, |_| directory)?;
        Ok(Subscription { seat: Some(seat), told: receiver })
    }

    fn did(&self, path: &str, deed: Deed) {
        self.watches.note(&Change {
            connection: Uuid::nil(),
            share: Self::share(),
            path: SharePath::parse(path).unwrap(),
            item: ItemKind::File,
            deed,
        });
    }
}

impl Subscription {
    pub(super) async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.told.recv()).await.expect("told in time").expect("the hub lives")
    }

    pub(super) async fn is(&mut self, expected: Event) {
        assert_eq!(self.next().await, expected);
    }

    pub(super) async fn is_quiet(&mut self) {
        if let Ok(event) = timeout(QUIET, self.told.recv()).await {
            panic!("told {event:?}");
        }
    }

    fn leave(&mut self) {
        self.seat = None;
    }
}

fn changed(name: &str) -> WatchEvent {
    let path = SharePath::parse(name).unwrap();
    WatchEvent::Changed(vec![ItemChange { action: ChangeAction::Added, path }])
}

pub(super) async fn until(condition: impl Fn() -> bool) {
    timeout(PATIENCE, async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("it comes true");
}

#[test]
fn a_change_concerns_the_directories_above_it_and_those_that_it_takes_along() {
    let path = |text: &str| SharePath::parse(text).unwrap();
    let change = |at: &str, deed| Change {
        connection: Uuid::nil(),
        share: Office::share(),
        path: path(at),
        item: ItemKind::Directory,
        deed,
    };
    let (told, look, both) = (
        Effect { changed: true, look: false },
        Effect { changed: false, look: true },
        Effect { changed: true, look: true },
    );
    let away = || Deed::Renamed { to: path("z/new") };
    for (directory, at, deed, expected) in [
        ("", "a", Deed::Created, told),
        ("a", "A/b", Deed::Written, told),
        ("a", "a/b/c", Deed::Removed, told),
        ("a", "ab", Deed::Created, Effect::default()),
        ("a/b", "a", Deed::Removed, look),
        ("a/b", "a/b", Deed::Created, look),
        ("a/b", "a", Deed::Disturbed, both),
        ("a/b", "a/b/c", away(), told),
        ("z", "a/b/c", away(), told),
        ("z/new/deep", "a", away(), look),
        ("x", "a", away(), Effect::default()),
    ] {
        let change = change(at, deed.clone());
        let effect = Places::of(&change).effect_on(&folded(&path(directory)));
        assert_eq!(effect, expected, "{directory} {at} {deed:?}");
    }
}

#[tokio::test]
async fn one_watch_serves_all_and_ends_with_the_last() {
    let office = Office::open();
    let (mut anna, mut bert) = (office.subscribe(1), office.subscribe(2));
    anna.is(Event::Subscribed).await;
    bert.is(Event::Subscribed).await;
    assert_eq!(office.directory.opened.load(Ordering::SeqCst), 1);
    office.directory.report(Ok(changed("new.txt")));
    anna.is(Event::Changed).await;
    bert.is(Event::Changed).await;
    anna.leave();
    office.directory.report(Ok(changed("other.txt")));
    bert.is(Event::Changed).await;
    assert_eq!(office.metrics.watches.value(), 1);
    bert.leave();
    until(|| office.directory.open.load(Ordering::SeqCst) == 0).await;
    until(|| office.metrics.handles.value() == 0).await;
    assert_eq!((office.metrics.watches.value(), office.metrics.subscribers.value()), (0, 0));
    // The next one opens it anew.
    let mut carla = office.subscribe(3);
    carla.is(Event::Subscribed).await;
    assert_eq!(office.directory.opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_burst_is_a_message_at_once_and_one_at_its_end() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    for number in 0..1000 {
        office.directory.report(Ok(changed(&format!("{number}.txt"))));
    }
    anna.is(Event::Changed).await;
    anna.is(Event::Changed).await;
    anna.is_quiet().await;
}

#[tokio::test]
async fn our_own_temporary_siblings_are_nobodys_business() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    let temporary = TempName::from_uuid_bytes([7; 16]).to_entry_name();
    office.directory.report(Ok(changed(temporary.as_str())));
    // A tree that is being copied, in its temporary place.
    office.directory.report(Ok(changed(&format!("deep/{temporary}/sub/file.txt"))));
    anna.is_quiet().await;
    office.directory.report(Ok(WatchEvent::Overflow));
    anna.is(Event::Changed).await;
    assert_eq!(office.directory.opened.load(Ordering::SeqCst), 1, "the watch goes on");
}

#[tokio::test]
async fn our_own_changes_are_told_though_the_server_keeps_quiet() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    office.did("docs/deep/below.txt", Deed::Written);
    anna.is(Event::Changed).await;
    office.did("elsewhere/file.txt", Deed::Created);
    office.did("docs2/file.txt", Deed::Created);
    anna.is_quiet().await;
    let to = SharePath::parse("DOCS/moved.txt").unwrap();
    office.did("elsewhere/file.txt", Deed::Renamed { to });
    anna.is(Event::Changed).await;
}

#[tokio::test]
async fn a_lost_watch_comes_back_and_says_that_something_may_be_missed() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    office
        .directory
        .refusals
        .lock()
        .unwrap()
        .extend([ShareErrorKind::Unreachable, ShareErrorKind::Unreachable]);
    office.directory.report(Err(ShareErrorKind::ConnectionLost));
    anna.is(Event::Failed(Failure::Unreachable)).await;
    anna.is(Event::Changed).await;
    anna.is_quiet().await;
    office.directory.report(Ok(changed("later.txt")));
    anna.is(Event::Changed).await;
    assert_eq!(office.directory.open.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_subscribes_while_the_server_is_away_waits_for_it() {
    let office = Office::open();
    office.directory.refusals.lock().unwrap().extend([ShareErrorKind::Unreachable; 3]);
    let mut anna = office.subscribe(1);
    anna.is(Event::Failed(Failure::Unreachable)).await;
    let mut bert = office.subscribe(2);
    bert.is(Event::Failed(Failure::Unreachable)).await;
    for browser in [&mut anna, &mut bert] {
        browser.is(Event::Subscribed).await;
        browser.is(Event::Changed).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_refused() {
    let office = Office::open();
    *office.directory.missing.lock().unwrap() = true;
    let mut anna = office.subscribe(1);
    anna.is(Event::Ended(Failure::NoDirectory)).await;
    until(|| office.metrics.watches.value() == 0).await;
    drop(anna);
    assert_eq!(office.metrics.subscribers.value(), 0);
    // Once it is there, it can be subscribed to.
    *office.directory.missing.lock().unwrap() = false;
    office.subscribe(2).is(Event::Subscribed).await;
}

#[tokio::test]
async fn a_deleted_directory_is_told_and_found_again() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    *office.directory.missing.lock().unwrap() = true;
    office.directory.report(Err(ShareErrorKind::DeletePending));
    anna.is(Event::Changed).await;
    anna.is(Event::Failed(Failure::Deleted)).await;
    until(|| office.directory.open.load(Ordering::SeqCst) == 0).await;
    office.subscribe(2).is(Event::Ended(Failure::NoDirectory)).await;
    // Our own operation makes it anew: it is looked for at once.
    *office.directory.missing.lock().unwrap() = false;
    office.did("docs", Deed::Created);
    anna.is(Event::Changed).await;
    office.subscribe(3).is(Event::Subscribed).await;
}

#[tokio::test]
async fn another_directory_of_the_same_name_is_watched_anew() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    *office.directory.number.lock().unwrap() = 99;
    office.did("docs", Deed::Removed);
    anna.is(Event::Changed).await;
    assert_eq!(office.directory.opened.load(Ordering::SeqCst), 2);
    assert_eq!(office.directory.open.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_no_server_reports_is_found() {
    let office = Office::open();
    // Nothing is reported at all: the server cannot.
    office.directory.refusals.lock().unwrap().extend([ShareErrorKind::WatchUnsupported; 100]);
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    // The first look is what later ones are compared with.
    until(|| office.directory.listed.load(Ordering::SeqCst) > 0).await;
    // It has begun, and shows what is there when it ends.
    anna.is_quiet().await;
    office.directory.entries.lock().unwrap().push(entry("grown.txt", EntryKind::File, 5));
    anna.is(Event::Changed).await;
    assert!(office.metrics.text().contains("causeway_unreported_changes_total 1\n"));
}

#[tokio::test]
async fn a_server_that_begins_to_report_is_changed_over_to_unseen() {
    let office = Office::open();
    office.directory.refusals.lock().unwrap().extend([ShareErrorKind::WatchUnsupported; 2]);
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    until(|| office.metrics.handles.value() == 1).await;
    assert_eq!(office.directory.attempts.load(Ordering::SeqCst), 3);
    anna.is_quiet().await;
    office.directory.report(Ok(changed("new.txt")));
    anna.is(Event::Changed).await;
    anna.leave();
    until(|| office.directory.open.load(Ordering::SeqCst) == 0).await;
    until(|| office.metrics.handles.value() == 0).await;
}

#[tokio::test]
async fn a_directory_that_changes_all_the_time_is_not_listed_all_the_time() {
    let office = Office::open();
    *office.directory.listing_takes.lock().unwrap() = Duration::from_millis(300);
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_secs(9) {
        office.directory.report(Ok(changed("busy.log")));
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(office.directory.listed.load(Ordering::SeqCst), 1, "the next one is due after 30 s");
}

#[tokio::test]
async fn a_listing_that_takes_too_long_is_no_loss_of_the_watch() {
    let office = Office::open();
    *office.directory.listing_takes.lock().unwrap() = Duration::from_millis(200);
    office.directory.listings_time_out.store(true, Ordering::SeqCst);
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    until(|| office.directory.listed.load(Ordering::SeqCst) == 1).await;
    sleep(Duration::from_millis(300)).await;
    anna.is_quiet().await;
    // Nor does a real loss make it due again.
    office.directory.report(Err(ShareErrorKind::ConnectionLost));
    anna.is(Event::Changed).await;
    sleep(Duration::from_secs(4)).await;
    anna.is_quiet().await;
    assert_eq!(office.directory.opened.load(Ordering::SeqCst), 2);
    assert_eq!(office.directory.listed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn many_who_wait_for_a_refused_account_are_one_attempt() {
    let office = Office::open();
    office.directory.refusals.lock().unwrap().extend([ShareErrorKind::LogonRefused; 1000]);
    let mut browsers = Vec::new();
    for number in 0..30 {
        let at = format!("docs/{}", number % 10);
        let as_new = (number, Welcome::Acknowledge);
        let mut browser = office.subscribe_at(&at, Office::share(), &office.directory, as_new).unwrap();
        browser.is(Event::Failed(Failure::Refused)).await;
        browsers.push(browser);
    }
    // Who comes, and what we do ourselves, is no reason to ask again at once.
    office.did("docs/1/new.txt", Deed::Created);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(office.directory.attempts.load(Ordering::SeqCst), 1);
    drop(browsers);
    until(|| office.metrics.watches.value() == 0).await;
    timeout(PATIENCE, office.watches.stop()).await.expect("nobody waits on");
}

#[tokio::test]
async fn a_server_that_hangs_keeps_no_other_from_being_looked_at() {
    let office = Office::open();
    let hanging: Arc<Directory> = Arc::default();
    let mut browsers = Vec::new();
    for number in 0..20 {
        let at = format!("docs/{number}");
        let as_new = (number, Welcome::Acknowledge);
        let mut browser = office.subscribe_at(&at, Office::share(), &hanging, as_new).unwrap();
        browser.is(Event::Subscribed).await;
        browsers.push(browser);
    }
    hanging.hangs.store(true, Ordering::SeqCst);
    // By then their looks are under way.
    sleep(Duration::from_secs(3)).await;
    let elsewhere = ShareKey::new("other", DEFAULT_PORT, "data");
    let as_new = (99, Welcome::Acknowledge);
    let mut browser = office.subscribe_at("docs", elsewhere, &office.directory, as_new).unwrap();
    browser.is(Event::Subscribed).await;
    timeout(Duration::from_secs(10), async {
        while office.directory.listed.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is looked at");
}

#[tokio::test]
async fn no_user_has_all_the_watches() {
    let office = Office::open();
    let mut subscriptions = Vec::new();
    let refused = loop {
        let at = format!("docs/{}", subscriptions.len());
        let as_new = (1, Welcome::Acknowledge);
        match office.subscribe_at(&at, Office::share(), &office.directory, as_new) {
            Ok(subscription) => subscriptions.push(subscription),
            Err(refused) => break refused,
        }
    };
    assert_eq!((refused, subscriptions.len()), (TooMany::OfUser, MOST_WATCHES_OF_USER));
    // One that somebody watches already is no further one, and one that is given up makes room.
    let again = (2, Welcome::Acknowledge);
    assert!(office.subscribe_at("docs/7", Office::share(), &office.directory, again).is_ok());
    subscriptions.pop();
    assert!(office.subscribe_at("docs/new", Office::share(), &office.directory, again).is_ok());
    drop(subscriptions);
    until(|| office.metrics.watches.value() == 0).await;
    assert!(office.watches.hub.lock().of_user.is_empty());
}

#[tokio::test]
async fn a_carried_subscription_is_told_that_something_may_have_changed() {
    let office = Office::open();
    let mut anna = office.subscribe_as(1, Welcome::Carry);
    anna.is(Event::Changed).await;
    anna.is_quiet().await;
    office.subscribe_as(2, Welcome::Carry).is(Event::Changed).await;
}

#[tokio::test]
async fn a_hundred_comings_and_goings_leave_nothing_open() {
    let office = Office::open();
    for round in 0..100 {
        let mut subscriptions: Vec<_> = (0..3).map(|id| office.subscribe(id)).collect();
        if round % 3 == 0 {
            subscriptions[0].is(Event::Subscribed).await;
        }
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
    }
    until(|| office.metrics.handles.value() == 0 && office.metrics.watches.value() == 0).await;
    until(|| office.directory.open.load(Ordering::SeqCst) == 0).await;
    assert_eq!(office.metrics.subscribers.value(), 0);
}

#[tokio::test]
async fn a_stop_closes_what_is_open() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    timeout(PATIENCE, office.watches.stop()).await.expect("it ends");
    assert_eq!(office.directory.open.load(Ordering::SeqCst), 0);
    assert_eq!(office.metrics.handles.value(), 0);
}

#[tokio::test]
async fn progress_reaches_exactly_the_directory() {
    let office = Office::open();
    let mut anna = office.subscribe(1);
    anna.is(Event::Subscribed).await;
    let progress = Progress { item_name: "a".to_owned(), bytes_transferred: -1, total_bytes: Some(-1) };
    let elsewhere = SharePath::parse("docs/deeper").unwrap();
    office.watches.progress(Uuid::nil(), &elsewhere, 1, &progress);
    office.watches.progress(Uuid::nil(), &SharePath::parse("docs").unwrap(), 1, &progress);
    match anna.next().await {
        Event::Progress { last: true, message, .. } => assert!(message.contains("\"bytes_transferred\":-1")),
        other => panic!("told {other:?}"),
    }
    anna.is_quiet().await;
}
