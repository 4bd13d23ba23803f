//! One client.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use causeway_internal::Principal;
use tokio::sync::Notify;
use uuid::Uuid;

use super::outbox::{Closing, Outbox, Outgoing};
use crate::metrics::Metrics;
use crate::watches::{Event, Seat, Subscriber, Topic};

/// A client, as everybody but its own task knows it.
pub(super) struct Socket {
    pub(super) id: u64,
    pub(super) principal: Principal,
    /// When the token ends, in seconds since 1970.
    pub(super) expires_at: u64,
    /// What it has subscribed to; `None` once it has ended. Whoever is told of a directory holds this socket, which holds
    /// its seat there: the end of the socket is what breaks the circle.
    seats: Mutex<Option<Vec<Seat>>>,
    outbox: Mutex<Outbox>,
    bell: Notify,
    /// When something was last heard of it, on the clock of the pulse.
    heard: AtomicU32,
    metrics: Arc<Metrics>,
}

impl Socket {
    pub(super) fn new(
        id: u64,
        principal: Principal,
        expires_at: u64,
        now: u32,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            id,
            principal,
            expires_at,
            seats: Mutex::new(Some(Vec::new())),
            outbox: Mutex::default(),
            bell: Notify::new(),
            heard: AtomicU32::new(now),
            metrics,
        }
    }

    /// Looks at the subscriptions or changes them. Nothing is dropped meanwhile that is given back.
    pub(super) fn seats<T>(&self, work: impl FnOnce(&mut Vec<Seat>) -> T) -> Option<T> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(work)
    }

    /// Takes the subscription out that the client calls so; dropping it ends it.
    pub(super) fn take_seat(&self, connection_id: &str, path: &str) -> Option<Seat> {
        self.seats(|seats| {
            let index = seats.iter().position(|seat| seat.topic().is(connection_id, path))?;
            Some(seats.swap_remove(index))
        })
        .flatten()
    }

    /// Puts another subscription in the place of the one that the client calls so, if that is still by way of this
    /// connection and revision; gives back what is to be dropped.
    pub(super) fn replace_seat(
        &self,
        topic: &Topic,
        connection: (Uuid, u64),
        by: impl FnOnce() -> Option<Seat>,
    ) -> Option<Seat> {
        self.seats(|seats| {
            let index = seats.iter().position(|seat| {
                seat.topic().is(topic.connection_id(), topic.path()) && seat.connection() == connection
            })?;
            Some(match by() {
                Some(seat) => std::mem::replace(&mut seats[index], seat),
                None => seats.swap_remove(index),
            })
        })
        .flatten()
    }

    /// The end: no more subscriptions.
    pub(super) fn end(&self) {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(seats);
    }

    pub(super) fn push(&self, outgoing: Outgoing) {
        if self.outbox().push(outgoing) {
            self.metrics.queue_drops.count();
        }
        self.bell.notify_one();
    }

    pub(super) fn text(&self, text: Utf8Bytes) {
        self.push(Outgoing::Text(text));
    }

    pub(super) fn close(&self, closing: Closing) {
        self.push(Outgoing::Close(closing));
    }

    pub(super) fn forget(&self, topic: &Topic) {
        self.outbox().forget(topic);
    }

    /// The next thing to be sent. May be dropped at any point without losing one.
    pub(super) async fn next(&self) -> Outgoing {
        loop {
            if let Some(next) = self.outbox().pop() {
                return next;
            }
            self.bell.notified().await;
        }
    }

    pub(super) fn hear(&self, now: u32) {
        self.heard.store(now, Ordering::Relaxed);
    }

    /// Seconds since something was heard.
    pub(super) fn silent_for(&self, now: u32) -> u32 {
        now.saturating_sub(self.heard.load(Ordering::Relaxed))
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for Socket {
    fn tell(&self, topic: &Arc<Topic>, event: Event) {
        self.push(Outgoing::Event(Arc::clone(topic), event));
    }

    fn user(&self) -> Uuid {
        self.principal.user_id
    }
}
