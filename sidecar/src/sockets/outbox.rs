//! What waits to be sent to one client.
//!
//! The same thing never waits twice, so that what waits is bounded by what the client has subscribed to, however slowly
//! it reads: a backlog of changes is one `directory_changed` for each directory.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;

use crate::watches::{Event, Failure, Topic};

/// Something to be sent.
#[derive(Debug, Clone)]
pub(super) enum Outgoing {
    /// A message as it is.
    Text(Utf8Bytes),
    /// An event of a directory.
    Event(Arc<Topic>, Event),
    /// A ping of the protocol.
    Ping,
    /// The end of the socket.
    Close(Closing),
}

/// Why a socket is ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// The program stops.
    Stopping,
    /// The token has expired or was revoked.
    Revoked,
    /// The client sends what is none of the protocol's.
    Misbehaved,
    /// A message is longer than any may be.
    TooLong,
    /// The user has too many sockets.
    TooMany,
    /// Nothing has been heard of the client.
    Dead,
}

impl Closing {
    /// Code (RFC 6455 7.4.1) and reason.
    pub(super) fn frame(self) -> (u16, &'static str) {
        match self {
            Self::Stopping => (1001, "The server stops"),
            Self::Revoked => (1008, "The token is no longer valid"),
            Self::Misbehaved => (1008, "Too many malformed messages"),
            Self::TooLong => (1009, "The message is too long"),
            Self::TooMany => (1013, "Too many sockets of this user"),
            Self::Dead => (1001, "Nothing was heard for too long"),
        }
    }
}

/// The waiting messages, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Outgoing>,
}

impl Outbox {
    /// Adds a message; says whether one was dropped for it, because it says the same or is out of date by it.
    pub(super) fn push(&mut self, outgoing: Outgoing) -> bool {
        match &outgoing {
            Outgoing::Event(topic, event) => {
                let outdated = self.drop_failures_before(topic, event);
                let same = self.waiting.iter_mut().find(|waiting| match waiting {
                    Outgoing::Event(other, known) => is_same(other, topic) && replaces(event, known),
                    _ => false,
                });
                if let Some(same) = same {
                    // In its old place: a change that was to be told before something else still is.
                    *same = outgoing;
                    return true;
                }
                self.waiting.push_back(outgoing);
                return outdated;
            }
            // Answers are still given; what happens elsewhere is of no more interest.
            Outgoing::Close(_) => self.waiting.retain(|waiting| matches!(waiting, Outgoing::Text(_))),
            Outgoing::Ping | Outgoing::Text(_) => {}
        }
        self.waiting.push_back(outgoing);
        false
    }

    /// A directory that changes or is watched can be looked at again: that it could not be is no longer true. It would
    /// come after the change that takes an earlier one's place, and be believed. Whether something was dropped.
    fn drop_failures_before(&mut self, topic: &Topic, event: &Event) -> bool {
        if !matches!(event, Event::Changed | Event::Subscribed) {
            return false;
        }
        let before = self.waiting.len();
        self.waiting.retain(
            |waiting| !matches!(waiting, Outgoing::Event(other, Event::Failed(_)) if is_same(other, topic)),
        );
        self.waiting.len() < before
    }

    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let next = self.waiting.pop_front();
        if self.waiting.is_empty() {
            // Thousands of sockets were told something a moment ago; most will not be for a long time.
            self.waiting = VecDeque::new();
        }
        next
    }

    /// Drops what waits for a directory that the client no longer wants to hear of.
    pub(super) fn forget(&mut self, topic: &Topic) {
        self.waiting.retain(|waiting| !matches!(waiting, Outgoing::Event(other, _) if is_same(other, topic)));
    }
}

fn is_same(one: &Arc<Topic>, other: &Topic) -> bool {
    std::ptr::eq(&raw const **one, other) || one.is(other.connection_id(), other.path())
}

/// Whether the earlier event need not be told if the later one is.
fn replaces(later: &Event, earlier: &Event) -> bool {
    match (later, earlier) {
        (Event::Progress { operation: later, .. }, Event::Progress { operation: earlier, last, .. }) => {
            later == earlier && !last
        }
        // Whatever the server's state was before.
        (Event::Failed(later), Event::Failed(earlier)) => later == earlier || *earlier != Failure::Deleted,
        _ => later == earlier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(path: &str) -> Arc<Topic> {
        Arc::new(Topic::new("c", path))
    }

    fn progress(operation: u64, text: &str, last: bool) -> Event {
        Event::Progress { operation, last, message: text.into() }
    }

    fn waiting(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.pop())
            .map(|outgoing| match outgoing {
                Outgoing::Event(topic, event) => format!("{} {event:?}", topic.path()),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_backlog_is_one_message_for_each_directory() {
        let mut outbox = Outbox::default();
        let (a, b) = (topic("a"), topic("b"));
        let mut dropped = 0;
        for _ in 0..1000 {
            dropped += usize::from(outbox.push(Outgoing::Event(Arc::clone(&a), Event::Changed)));
            dropped += usize::from(outbox.push(Outgoing::Event(Arc::clone(&b), Event::Changed)));
        }
        assert_eq!(
            (waiting(&mut outbox), dropped),
            (vec!["a Changed".to_owned(), "b Changed".to_owned()], 1998)
        );
    }

    #[test]
    fn a_server_that_is_back_is_not_called_away_afterwards() {
        let mut outbox = Outbox::default();
        let (a, b) = (topic("a"), topic("b"));
        for (topic, event) in [
            (&a, Event::Changed),
            (&a, Event::Failed(Failure::Unreachable)),
            (&b, Event::Failed(Failure::Unreachable)),
            (&a, Event::Changed),
        ] {
            outbox.push(Outgoing::Event(Arc::clone(topic), event));
        }
        assert_eq!(waiting(&mut outbox), ["a Changed", "b Failed(Unreachable)"]);
        // One that is gone has changed before.
        for event in [Event::Failed(Failure::Unreachable), Event::Changed, Event::Failed(Failure::Deleted)] {
            outbox.push(Outgoing::Event(Arc::clone(&a), event));
        }
        assert_eq!(waiting(&mut outbox), ["a Changed", "a Failed(Deleted)"]);
    }

    #[test]
    fn the_last_word_of_a_transfer_is_not_replaced() {
        let mut outbox = Outbox::default();
        let a = topic("a");
        for event in [
            progress(1, "first", false),
            progress(2, "other", false),
            progress(1, "second", false),
            progress(1, "end", true),
            progress(1, "late", false),
        ] {
            outbox.push(Outgoing::Event(Arc::clone(&a), event));
        }
        let seen = waiting(&mut outbox).join("; ");
        assert!(!seen.contains("first") && !seen.contains("second"), "{seen}");
        assert!(seen.contains("other") && seen.contains("end") && seen.contains("late"), "{seen}");
    }

    #[test]
    fn what_is_no_longer_wanted_is_not_sent() {
        let mut outbox = Outbox::default();
        let (a, b) = (topic("a"), topic("b"));
        outbox.push(Outgoing::Event(Arc::clone(&a), Event::Subscribed));
        outbox.push(Outgoing::Event(Arc::clone(&a), Event::Changed));
        outbox.push(Outgoing::Event(Arc::clone(&b), Event::Changed));
        outbox.forget(&topic("a"));
        assert_eq!(waiting(&mut outbox), ["b Changed"]);
    }

    #[test]
    fn the_end_goes_before_all_events() {
        let mut outbox = Outbox::default();
        outbox.push(Outgoing::Event(topic("a"), Event::Changed));
        outbox.push(Outgoing::Close(Closing::Revoked));
        assert_eq!(waiting(&mut outbox), ["Close(Revoked)"]);
    }
}
