//! Who is told of one directory, and what they have been told.

use std::collections::HashMap;
use std::sync::Arc;

use super::topic::{Progress, Topic};
use super::{Event, Failure, Subscriber};

/// The subscribers of one directory, by what they call it.
#[derive(Default)]
pub(super) struct Audience {
    topics: Vec<Seats>,
    state: Phase,
}

/// Whether the directory is being watched at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// Being opened for the first time.
    #[default]
    Opening,
    /// Every change from now on is told.
    Live,
    /// The server cannot be reached, or refuses for the moment.
    Away(Failure),
    /// There was such a directory, and now there is none.
    Gone,
}

struct Seats {
    topic: Arc<Topic>,
    members: HashMap<u64, Member>,
}

struct Member {
    subscriber: Arc<dyn Subscriber>,
    /// Not yet told that the directory is watched.
    waiting: bool,
    /// Told that the server cannot be reached.
    told_away: bool,
}

/// How a new member is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// He is told when the directory is watched.
    Acknowledge,
    /// He watched it before, by way of something that is no more: he is told that something may have changed.
    Carry,
}

impl Audience {
    pub(super) fn phase(&self) -> Phase {
        self.state
    }

    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    /// Adds a member, or welcomes one again who is there already. Gives what he calls the directory.
    pub(super) fn join(
        &mut self,
        topic: (&str, &str),
        id: u64,
        subscriber: Arc<dyn Subscriber>,
        welcome: Welcome,
    ) -> Arc<Topic> {
        let index =
            self.topics.iter().position(|seats| seats.topic.is(topic.0, topic.1)).unwrap_or_else(|| {
                let topic = Arc::new(Topic::new(topic.0, topic.1));
                self.topics.push(Seats { topic, members: HashMap::new() });
                self.topics.len() - 1
            });
        let seats = &mut self.topics[index];
        let member =
            seats.members.entry(id).or_insert(Member { subscriber, waiting: false, told_away: false });
        // Whether he is told so at once or by the keeper; one who asks again, too.
        member.waiting = welcome == Welcome::Acknowledge;
        let tell = |event| member.subscriber.tell(&seats.topic, event);
        match self.state {
            Phase::Live if welcome == Welcome::Carry => tell(Event::Changed),
            Phase::Live => {
                member.waiting = false;
                tell(Event::Subscribed);
            }
            Phase::Away(failure) => {
                member.told_away = true;
                tell(Event::Failed(failure));
            }
            // The keeper looks at once, and its answer is his.
            Phase::Gone | Phase::Opening => {}
        }
        Arc::clone(&seats.topic)
    }

    /// Takes a member out. Nothing happens when he is not there any more.
    pub(super) fn leave(&mut self, topic: &Topic, id: u64) -> bool {
        let Some(index) =
            self.topics.iter().position(|seats| seats.topic.is(topic.connection_id(), topic.path()))
        else {
            return false;
        };
        let left = self.topics[index].members.remove(&id).is_some();
        if self.topics[index].members.is_empty() {
            self.topics.swap_remove(index);
        }
        left
    }

    /// The directory is watched from now on: newcomers are told so, all others that they may have missed something.
    pub(super) fn live(&mut self) {
        self.state = Phase::Live;
        for seats in &mut self.topics {
            for member in seats.members.values_mut() {
                let missed = !member.waiting || member.told_away;
                if std::mem::take(&mut member.waiting) {
                    member.subscriber.tell(&seats.topic, Event::Subscribed);
                }
                if missed {
                    member.subscriber.tell(&seats.topic, Event::Changed);
                }
                member.told_away = false;
            }
        }
    }

    /// The server is away: everybody is told once.
    pub(super) fn away(&mut self, failure: Failure) {
        self.state = Phase::Away(failure);
        for seats in &mut self.topics {
            for member in seats.members.values_mut().filter(|member| !member.told_away) {
                member.told_away = true;
                member.subscriber.tell(&seats.topic, Event::Failed(failure));
            }
        }
    }

    /// There is no such directory. Those who watched it are told that it changed and why, those who wanted to are
    /// refused; says how many of the latter there were.
    pub(super) fn gone(&mut self, failure: Failure) -> usize {
        let known = self.state == Phase::Gone;
        self.state = Phase::Gone;
        let mut refused = 0;
        for seats in &mut self.topics {
            seats.members.retain(|_, member| {
                if member.waiting {
                    refused += 1;
                    member.subscriber.tell(&seats.topic, Event::Ended(failure));
                    return false;
                }
                if !known {
                    member.subscriber.tell(&seats.topic, Event::Changed);
                    member.subscriber.tell(&seats.topic, Event::Failed(Failure::Deleted));
                }
                true
            });
        }
        self.topics.retain(|seats| !seats.members.is_empty());
        refused
    }

    /// Something changed.
    pub(super) fn changed(&self) {
        self.tell_all(|_| Event::Changed);
    }

    /// A transfer into the directory got on.
    pub(super) fn progress(&self, operation: u64, progress: &Progress) {
        let last = progress.bytes_transferred < 0;
        self.tell_all(|topic| Event::Progress { operation, last, message: topic.progress(progress) });
    }

    /// Tells everybody who has been told that the directory is watched. The event is made once a topic.
    fn tell_all(&self, event: impl Fn(&Topic) -> Event) {
        for seats in &self.topics {
            let event = event(&seats.topic);
            for member in seats.members.values().filter(|member| !member.waiting) {
                member.subscriber.tell(&seats.topic, event.clone());
            }
        }
    }
}
