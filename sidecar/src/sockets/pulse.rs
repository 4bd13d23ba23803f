//! What is done for all sockets by one task: pings, finding the dead, and ending what may no longer be seen.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use causeway_internal::accounts::Account;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::outbox::{Closing, Outgoing};
use super::socket::Socket;
use super::{All, conversation, unix_now};
use crate::changes::{Heard, Listener, Notice};
use crate::watches::{Failure, Welcome};

/// Between two rounds.
const ROUND: Duration = Duration::from_secs(1);

/// Seconds between two pings of a socket (the reference's interval).
const PING_EVERY: u64 = 20;

/// Seconds after which a client of which nothing was heard is dead: two pings without an answer, and a little.
const DEAD_AFTER: u32 = 45;

/// Runs until the program stops.
pub(super) async fn run(all: Arc<All>, mut changes: Listener) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = all.stop.cancelled() => return,
            heard = changes.next() => match heard {
                None => return,
                Some(Heard::Missed) => all.review(|_| true, |_| true).await,
                Some(Heard::Notice(notice)) => match &*notice {
                    Notice::Item(_) => {}
                    Notice::Connection(id) => all.review(|_| true, |connection| connection == *id).await,
                    Notice::Account(id) => all.review(|user| user == *id, |_| true).await,
                    Notice::Everything => all.review(|_| true, |_| true).await,
                },
            },
            _ = rounds.tick() => all.round().await,
        }
    }
}

impl All {
    /// Pings, and ends what is dead or whose time is over.
    async fn round(self: &Arc<Self>) {
        self.rounds.fetch_add(1, Ordering::Relaxed);
        let (now, unix) = (self.now(), unix_now());
        for socket in self.sockets() {
            let silent = socket.silent_for(now);
            if silent >= DEAD_AFTER {
                socket.close(Closing::Dead);
            } else if socket.expires_at <= unix || self.accounts.authorize(socket.principal).await.is_err() {
                // An account may also end by its own date, which nobody tells.
                socket.close(Closing::Revoked);
            } else if (u64::from(now) + socket.id).is_multiple_of(PING_EVERY) {
                // By their numbers, so that not all are pinged at once.
                socket.push(Outgoing::Ping);
            }
        }
    }

    /// Asks again what sockets may see, of those users and those connections.
    async fn review(self: &Arc<Self>, users: impl Fn(Uuid) -> bool, connections: impl Fn(Uuid) -> bool) {
        for socket in self.sockets() {
            if !users(socket.principal.user_id) {
                continue;
            }
            match self.accounts.authorize(socket.principal).await {
                Ok(account) => self.review_one(&socket, &account, &connections).await,
                Err(_) => socket.close(Closing::Revoked),
            }
        }
    }

    /// Ends the subscriptions that the user may not have any more, and carries those over whose connection leads
    /// somewhere else now.
    pub(super) async fn review_one(
        self: &Arc<Self>,
        socket: &Arc<Socket>,
        account: &Account,
        connections: &impl Fn(Uuid) -> bool,
    ) {
        let concerned = socket.seats(|seats| {
            let concerned = seats.iter().filter(|seat| connections(seat.connection().0));
            concerned.map(|seat| (Arc::clone(seat.topic()), seat.connection())).collect::<Vec<_>>()
        });
        for (topic, before) in concerned.unwrap_or_default() {
            let strings = (topic.connection_id(), topic.path());
            let resolved = self.resolve(account, strings).await;
            if resolved.as_ref().is_some_and(|(connection, _)| connection.revision == before.1) {
                continue;
            }
            let mut carried = false;
            let carry = || {
                let (connection, path) = resolved?;
                let pool = self.shares.pool(&connection);
                let subscriber = (socket.id, Arc::clone(socket) as _);
                let seat = self
                    .watches
                    .subscribe(&connection, &pool, path, strings, subscriber, Welcome::Carry)
                    .ok()?;
                carried = true;
                Some(seat)
            };
            // In one step, so that the client cannot leave in between without its leaving being noticed. What somebody
            // else has carried over meanwhile is left alone.
            let Some(left) = socket.replace_seat(&topic, before, carry) else { continue };
            drop(left);
            if !carried {
                socket.forget(&topic);
                socket.text(conversation::error(Failure::NoDirectory.message(), Some(strings)));
            }
        }
    }
}
