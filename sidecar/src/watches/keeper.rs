//! The keeper of one watched directory: opens the watch, tells what it reports, brings it back when it is lost.
//!
//! Its states are those of [`Phase`](super::audience::Phase). Whatever it waits for, it also listens for orders, the end
//! of all subscriptions among them. A watch is closed before anything else is begun with the directory.

use std::sync::Arc;
use std::time::Duration;

use causeway_paths::TempName;
use causeway_smb::{ItemChange, Metadata, ShareError, ShareErrorKind, WatchEvent};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use rand::Rng as _;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::audience::Phase;
use super::backoff::Backoff;
use super::contents::{Found, Ticket};
use super::pacer::Pacer;
use super::source::{Armed, Reports, Source};
use super::watched::Watched;
use super::{Failure, Hub, Meaning, meaning};

/// Between two looks at the directory itself: one round trip, which also tells that a server has gone silently.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The first look at everything, after a watch has begun or something has changed: by then those who look at the
/// directory have listed it.
const SETTLE: Duration = Duration::from_secs(2);

/// Looks at the directory itself for each look at everything in it.
const LOOKS_A_LISTING: u32 = 3;

/// A look at everything may take this share of the server's time: after one that took a second, the next comes after a
/// hundred.
const POLITENESS: u32 = 100;

/// At most after a look at everything that the end of its watch broke off: whether the server was slow or only went away
/// in the midst of it is not known.
const BROKEN_OFF_PAUSE: Duration = Duration::from_mins(5);

/// Between two looks where the server reports nothing.
const POLL_EVERY: Duration = Duration::from_secs(2);

/// How often a server that reports nothing is asked whether it does now.
const TRY_AGAIN_EVERY: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_mins(1) };

/// How often it is looked whether a directory that is gone is there again.
const RETURN_EVERY: Duration = Duration::from_secs(5);

/// A watch that held for so long was no accident.
const STEADY: Duration = Duration::from_secs(1);

/// At least between two attempts, however many subscribers come.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);

/// Between two looks at a directory that seems to be gone: it may be about to be put back.
const SECOND_LOOK: Duration = Duration::from_millis(100);

/// How long closing a watch may hold up what follows; the server closes it with the session in the end.
const CLOSE_WITHIN: Duration = Duration::from_millis(2500);

/// Why a watch is no more.
enum End {
    /// Nobody wants it.
    Unwanted,
    /// The directory is gone.
    Absent,
    /// The connection is lost, or the directory is another one.
    Lost,
}

/// Keeps the directory watched until nobody wants it, or the hub stops.
pub(super) async fn keep(hub: Arc<Hub>, watched: Arc<Watched>, source: Arc<dyn Source>) {
    let stop = hub.stop.clone();
    let keeper = Keeper {
        hub,
        watched,
        source,
        backoff: Backoff::default(),
        was_live: false,
        listing_not_before: Instant::now(),
    };
    // A stop goes through the same door as the last subscriber: a watch in force is closed, not dropped.
    let orders = Arc::clone(&keeper.watched);
    let stopping = async {
        stop.cancelled().await;
        orders.order(|orders| orders.end = true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = keeper.run() => {}
        () = stopping => {}
    }
}

struct Keeper {
    hub: Arc<Hub>,
    watched: Arc<Watched>,
    source: Arc<dyn Source>,
    backoff: Backoff,
    /// Whether it has been watched before, so that the next time is a return.
    was_live: bool,
    /// Until then the server is not asked again for everything in the directory, whatever becomes of the watch meanwhile.
    listing_not_before: Instant,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            let begun = Instant::now();
            if let Err(until) = self.hub.may_log_on(&self.watched.key) {
                self.tell_away(Failure::Refused);
                if self.rest_while_refused(until).await {
                    return;
                }
                continue;
            }
            let Some(opened) = self.unless_unwanted(self.open()).await else { return };
            let wait = match opened {
                Ok((reports, directory)) => match self.attend(reports, &directory).await {
                    End::Unwanted => return,
                    End::Absent => self.gone(Failure::NoDirectory),
                    End::Lost => self.lost(begun),
                },
                Err(error) => {
                    tracing::debug!(?error, path = %self.watched.key.path, "a directory is not watched");
                    if error.kind() == ShareErrorKind::LogonRefused && !self.source.is_retired() {
                        self.hub.metrics.failures.count();
                        self.hub.note_refusal(&self.watched.key);
                        continue;
                    }
                    match meaning(&error) {
                        Meaning::Absent => {
                            self.hub.note_logon(&self.watched.key, &self.watched.share);
                            self.gone(Failure::NoDirectory)
                        }
                        Meaning::Away(failure) => self.away(failure),
                        // Not even a look is to be had.
                        Meaning::Silent => self.away(Failure::Unreachable),
                    }
                }
            };
            if self.rest(wait).await {
                return;
            }
        }
    }

    /// Begins to watch. Where the server reports nothing, the directory as it is now is what later looks are compared
    /// with, so that what happens before the first of them is found by it.
    async fn open(&self) -> Result<(Option<Box<dyn Reports>>, Metadata), ShareError> {
        match self.source.arm().await {
            Ok(Armed { reports, directory }) => Ok((Some(reports), directory)),
            Err(error) if meaning(&error) == Meaning::Silent => {
                tracing::debug!(?error, path = %self.watched.key.path, "the server reports nothing");
                Ok((None, self.source.look().await?))
            }
            Err(error) => Err(error),
        }
    }

    /// What the future gives, or `None` when nobody wants it any more.
    async fn unless_unwanted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let unwanted = async { while !self.watched.orders().await.end {} };
        tokio::select! {
            biased;
            () = unwanted => None,
            outcome = work => Some(outcome),
        }
    }

    /// Waits for the moment, or until the account is let in again, whoever asks meanwhile. Whether it is over.
    async fn rest_while_refused(&self, until: Instant) -> bool {
        let relieved = async {
            loop {
                if self.watched.orders().await.end {
                    return true;
                }
                if !self.hub.is_refused(&self.watched.key) {
                    return false;
                }
            }
        };
        tokio::select! {
            over = relieved => over,
            () = sleep_until(until) => false,
        }
    }

    /// Waits, less when it is ordered to look. Whether it is over.
    async fn rest(&self, wait: Duration) -> bool {
        let begun = Instant::now();
        let hurried = async {
            loop {
                let orders = self.watched.orders().await;
                if orders.end {
                    return true;
                }
                if orders.look || orders.changed {
                    sleep_until(begun + BETWEEN_ATTEMPTS.min(wait)).await;
                    return false;
                }
            }
        };
        tokio::select! {
            over = hurried => over,
            () = sleep(wait) => false,
        }
    }

    /// The directory is not there: how long until the next look.
    fn gone(&self, failure: Failure) -> Duration {
        self.watched.contents.outdate();
        self.hub.release(&self.watched, || {
            let mut audience = self.watched.audience();
            audience.gone(failure);
            audience.is_empty()
        });
        RETURN_EVERY
    }

    /// The watch is lost: how long until the next attempt. At once, unless it never really held.
    fn lost(&mut self, begun: Instant) -> Duration {
        if begun.elapsed() >= STEADY {
            self.backoff.reset();
            return Duration::ZERO;
        }
        self.backoff.next(false)
    }

    /// The server is not there: how long until the next attempt.
    fn away(&mut self, failure: Failure) -> Duration {
        self.hub.metrics.failures.count();
        if self.tell_away(failure) { self.backoff.next(failure == Failure::Refused) } else { RETURN_EVERY }
    }

    /// Tells the subscribers. Not when the connection was changed: they are being carried over to what it is now, so
    /// that it is none of their business.
    fn tell_away(&self, failure: Failure) -> bool {
        self.watched.contents.outdate();
        let concerns_them = !self.source.is_retired();
        if concerns_them {
            self.watched.audience().away(failure);
        }
        concerns_them
    }

    /// Tells what the server reports, until that ends. Without a watch it looks for itself.
    async fn attend(&mut self, mut reports: Option<Box<dyn Reports>>, directory: &Metadata) -> End {
        self.watched.contents.outdate();
        let was_away = {
            let mut audience = self.watched.audience();
            let was_away = matches!(audience.phase(), Phase::Away(_));
            audience.live();
            was_away
        };
        if std::mem::replace(&mut self.was_live, true) {
            self.hub.metrics.reconnects.count();
        }
        self.hub.note_logon(&self.watched.key, &self.watched.share);
        if was_away {
            self.hub.poke(&self.watched.share);
        }
        self.hub.metrics.handles.change(i64::from(reports.is_some()));
        let mut looks = Looks::new(reports.is_none(), self.listing_not_before);
        let end = self.follow(&mut reports, directory, &mut looks).await;
        self.listing_not_before = looks.leave();
        // What follows may be about the same directory, which is not deleted for good before its handle is closed.
        if let Some(reports) = reports {
            if timeout(CLOSE_WITHIN, reports.close()).await.is_err() {
                tracing::debug!(path = %self.watched.key.path, "a watch did not close in time");
            }
            self.hub.metrics.handles.change(-1);
        }
        self.watched.contents.outdate();
        end
    }

    async fn follow(
        &self,
        reports: &mut Option<Box<dyn Reports>>,
        directory: &Metadata,
        looks: &mut Looks,
    ) -> End {
        let mut pacer = Pacer::default();
        let mut looking: Option<BoxFuture<'_, Looked>> = None;
        // Where the server reports nothing, whether it does by now.
        let mut arming: Option<BoxFuture<'_, Result<Armed, ShareError>>> = None;
        let mut try_again = Instant::now() + TRY_AGAIN_EVERY;
        // What is changed from here on without a report is found by the directory's own time.
        let contents = &self.watched.contents;
        contents.compare_stamp(contents.ticket(), directory.changed);
        loop {
            let due = pacer.due();
            let try_due = (reports.is_none() && arming.is_none()).then_some(try_again);
            let timer = [due, looking.is_none().then_some(looks.next), try_due].into_iter().flatten().min();
            tokio::select! {
                biased;
                orders = self.watched.orders() => {
                    if orders.end {
                        return End::Unwanted;
                    }
                    if orders.changed {
                        self.changed(&mut pacer, looks);
                    }
                    if orders.look {
                        looks.hurry();
                    }
                }
                report = next(reports) => match report {
                    Ok(event) => {
                        if self.counts(&event) {
                            self.changed(&mut pacer, looks);
                        }
                    }
                    Err(error) => {
                        tracing::debug!(?error, path = %self.watched.key.path, "a watch was lost");
                        return if meaning(&error) == Meaning::Absent { End::Absent } else { End::Lost };
                    }
                },
                looked = running(&mut looking) => {
                    looking = None;
                    match looked {
                        Looked::Nothing { took, listed } => looks.done(took, listed),
                        Looked::Overtaken { took, listed } => looks.overtaken(took, listed),
                        Looked::Change { took, listed } => {
                            self.hub.metrics.unreported.count();
                            looks.done(took, listed);
                            self.changed(&mut pacer, looks);
                        }
                        Looked::Absent => return End::Absent,
                        Looked::Another | Looked::Lost => return End::Lost,
                    }
                }
                armed = running(&mut arming) => {
                    arming = None;
                    try_again = Instant::now() + TRY_AGAIN_EVERY;
                    match armed {
                        Ok(Armed { reports: better, directory: now }) => {
                            self.hub.metrics.handles.change(1);
                            *reports = Some(better);
                            if now.file_id != directory.file_id {
                                return End::Lost;
                            }
                            looks.report_begins();
                            // Likewise, as far as the directory itself tells.
                            if contents.compare_stamp(contents.ticket(), now.changed) == Found::Change {
                                self.hub.metrics.unreported.count();
                                self.changed(&mut pacer, looks);
                            }
                        }
                        // The looks go on, and find what else there is to find.
                        Err(error) => {
                            tracing::debug!(?error, path = %self.watched.key.path, "still not reported");
                        }
                    }
                }
                () = until(timer) => {
                    let now = Instant::now();
                    if pacer.fire(now) {
                        self.watched.audience().changed();
                    }
                    if try_due.is_some_and(|due| now >= due) {
                        arming = Some(self.source.arm());
                    }
                    if looking.is_none() && now >= looks.next {
                        contents.tidy();
                        looking = Some(self.look(directory, looks.begin()).boxed());
                    }
                }
            }
        }
    }

    /// Whether a report is one that people can see; our own temporary siblings are none of theirs.
    fn counts(&self, event: &WatchEvent) -> bool {
        self.hub.metrics.reports.count();
        match event {
            WatchEvent::Overflow => {
                self.hub.metrics.overflows.count();
                true
            }
            WatchEvent::Changed(items) => !items.iter().all(is_ours),
        }
    }

    /// What is in memory goes before the message does.
    fn changed(&self, pacer: &mut Pacer, looks: &mut Looks) {
        self.watched.contents.outdate();
        looks.settle();
        if pacer.note(Instant::now()) {
            self.watched.audience().changed();
        }
    }

    /// Looks for what the server has not reported.
    async fn look(&self, directory: &Metadata, listing: bool) -> Looked {
        // The semaphore is never closed.
        let _turn = self.watched.looks.acquire().await;
        let begun = Instant::now();
        let ticket = self.watched.contents.ticket();
        let now = match self.source.look().await {
            Err(error) if meaning(&error) == Meaning::Absent => {
                sleep(SECOND_LOOK).await;
                self.source.look().await
            }
            outcome => outcome,
        };
        let now = match now {
            Ok(now) if !now.is_directory() => return Looked::Absent,
            Ok(now) => now,
            Err(error) => return Looked::failed(&error, begun.elapsed()),
        };
        if directory.file_id != now.file_id {
            return Looked::Another;
        }
        let mut found = self.watched.contents.compare_stamp(ticket, now.changed);
        let listed = listing && found == Found::Nothing;
        if listed {
            found = match self.compare(ticket).await {
                Ok(found) => found,
                // The server is there, it has just said so: the directory is more than it can tell in that time.
                Err(error) if error.kind() == ShareErrorKind::TimedOut => Found::Nothing,
                Err(error) => return Looked::failed(&error, begun.elapsed()),
            };
        }
        let took = begun.elapsed();
        match found {
            Found::Nothing => Looked::Nothing { took, listed },
            Found::Change => Looked::Change { took, listed },
            Found::Overtaken => Looked::Overtaken { took, listed },
        }
    }

    async fn compare(&self, ticket: Ticket) -> Result<Found, ShareError> {
        let entries = self.source.list().await?;
        Ok(self.watched.contents.compare(ticket, &entries))
    }
}

/// Ours, or in what is ours: a tree is copied into a temporary sibling, too.
fn is_ours(change: &ItemChange) -> bool {
    change.path.segments().any(|name| TempName::parse(name).is_some())
}

/// What a look found.
enum Looked {
    Nothing { took: Duration, listed: bool },
    Change { took: Duration, listed: bool },
    Overtaken { took: Duration, listed: bool },
    Absent,
    Another,
    Lost,
}

impl Looked {
    fn failed(error: &ShareError, took: Duration) -> Self {
        use ShareErrorKind as Kind;
        match error.kind() {
            // A refused logon as well: to be asked again at the pace of refusals, not of looks.
            Kind::Unreachable | Kind::ConnectionLost | Kind::TimedOut | Kind::LogonRefused => Self::Lost,
            _ if meaning(error) == Meaning::Absent => Self::Absent,
            // A directory too large to be listed, for one: a failure of the look, not of the watch.
            _ => Self::Nothing { took, listed: true },
        }
    }
}

/// When to look next, and how closely.
struct Looks {
    every: Duration,
    next: Instant,
    since_listing: u32,
    listing_not_before: Instant,
    /// When the look at everything began that is under way.
    listing_since: Option<Instant>,
}

impl Looks {
    fn new(silent: bool, listing_not_before: Instant) -> Self {
        Self {
            every: if silent { POLL_EVERY } else { LOOK_EVERY },
            next: Instant::now() + scattered(SETTLE),
            since_listing: LOOKS_A_LISTING,
            listing_not_before,
            listing_since: None,
        }
    }

    /// A look begins: whether it is one at everything.
    fn begin(&mut self) -> bool {
        let now = Instant::now();
        let listing = (self.every == POLL_EVERY || self.since_listing >= LOOKS_A_LISTING)
            && now >= self.listing_not_before;
        self.listing_since = listing.then_some(now);
        listing
    }

    fn done(&mut self, took: Duration, listed: bool) {
        self.next = Instant::now() + scattered(self.every);
        self.since_listing = if listed { 0 } else { self.since_listing.saturating_add(1) };
        self.listed(took, listed);
    }

    fn overtaken(&mut self, took: Duration, listed: bool) {
        self.next = Instant::now() + scattered(SETTLE);
        self.listed(took, listed);
    }

    fn listed(&mut self, took: Duration, listed: bool) {
        self.listing_since = None;
        if listed {
            self.listing_not_before = Instant::now() + took.saturating_mul(POLITENESS);
        }
    }

    /// The server reports from now on. What happened since the last look is found by one more.
    fn report_begins(&mut self) {
        self.every = LOOK_EVERY;
        self.settle();
    }

    /// No more looks: when there may be one at everything again. One that was broken off has cost what it has.
    fn leave(&self) -> Instant {
        let now = Instant::now();
        let pause = |since: Instant| (now - since).saturating_mul(POLITENESS).min(BROKEN_OFF_PAUSE);
        let until = self.listing_since.map(|since| now + pause(since));
        until.map_or(self.listing_not_before, |until| until.max(self.listing_not_before))
    }

    /// Something changed: what is there by then is the new base of comparisons.
    fn settle(&mut self) {
        self.since_listing = LOOKS_A_LISTING;
        self.next = self.next.min(Instant::now() + scattered(SETTLE));
    }

    fn hurry(&mut self) {
        self.next = Instant::now();
    }
}

/// Give or take a quarter, so that watches that began together do not look together.
fn scattered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.75..1.25))
}

async fn next(reports: &mut Option<Box<dyn Reports>>) -> Result<WatchEvent, ShareError> {
    match reports {
        Some(reports) => reports.next().await,
        None => std::future::pending().await,
    }
}

async fn running<T>(work: &mut Option<BoxFuture<'_, T>>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

async fn until(timer: Option<Instant>) {
    match timer {
        Some(timer) => sleep_until(timer).await,
        None => std::future::pending().await,
    }
}
