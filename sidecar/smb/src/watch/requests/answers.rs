//! [`Answers`]: what has come for the requests of a watch, in the order in which it happened.

use std::time::Duration;

use causeway_change_notify::{ChangeAction, ItemChange};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};

use crate::error::ShareError;
use crate::watch::WatchEvent;

/// How long a second half of a rename waits for an answer with the first one. That has arrived by then, but `smb2` gives an
/// answer out only after it has heard that its request was sent, which on a busy machine it may do later.
const FIRST_HALF_PATIENCE: Duration = Duration::from_millis(50);

/// An answer, and the number of the message that asked for it.
pub(super) type Answer = (u64, WatchEvent);

/// What comes, or will, for one request.
pub(super) type Asked = BoxFuture<'static, Result<Answer, ShareError>>;

/// Requests that are under way, and their answers.
#[derive(Default)]
pub(super) struct Answers {
    sent: FuturesUnordered<Asked>,
    /// Answers that have not been given out.
    arrived: Vec<Answer>,
    /// Why nothing more comes.
    ended: Option<ShareError>,
    /// What was given out last ends with the first half of a rename.
    is_open: bool,
}

impl Answers {
    /// Waits for the answer to one more request.
    pub(super) fn push(&mut self, asked: Asked) {
        self.sent.push(asked);
    }

    /// All that has come, which is something unless it is the end. May be dropped at any point.
    ///
    /// Which of two answers that are both here came first is not known: requests are looked at in the order in which
    /// they were woken, which other things do than answers. Servers answer the older request first, but for the halves
    /// of a rename (see [`Requests`](super::Requests)), and those tell it themselves.
    pub(super) async fn next(&mut self) -> (Vec<WatchEvent>, Option<ShareError>) {
        // Whatever is taken from `sent` is in `self` before there is another wait.
        if self.arrived.is_empty()
            && self.ended.is_none()
            && let Some(answer) = self.sent.next().await
        {
            self.take(answer);
        }
        while let Some(Some(answer)) = self.sent.next().now_or_never() {
            self.take(answer);
        }
        if self.lacks_a_first_half()
            && let Ok(Some(answer)) = tokio::time::timeout(FIRST_HALF_PATIENCE, self.sent.next()).await
        {
            self.take(answer);
        }
        put_in_order(&mut self.arrived, self.is_open);
        let events: Vec<WatchEvent> = self.arrived.drain(..).map(|(_, event)| event).collect();
        if let Some(last) = events.last() {
            self.is_open = ends_with_a_first_half(last);
        }
        (events, self.ended.take())
    }

    /// Waits until nothing is under way.
    pub(super) async fn run_out(mut self) {
        while self.sent.next().await.is_some() {}
    }

    fn take(&mut self, answer: Result<Answer, ShareError>) {
        match answer {
            Ok(answer) => self.arrived.push(answer),
            Err(error) => _ = self.ended.get_or_insert(error),
        }
    }

    /// Whether what is here begins in the middle of a rename.
    fn lacks_a_first_half(&self) -> bool {
        match self.arrived.as_slice() {
            [(_, only)] => !self.is_open && begins_with_a_second_half(only),
            _ => false,
        }
    }
}

/// By the numbers of the requests, unless the second one ends with the first half of the rename whose second half the first
/// one begins with. `is_open` says that the first half is known already.
fn put_in_order(answers: &mut [Answer], is_open: bool) {
    answers.sort_by_key(|(number, _)| *number);
    if let [(_, older), (_, newer)] = &answers
        && !is_open
        && begins_with_a_second_half(older)
        && ends_with_a_first_half(newer)
        && !(begins_with_a_second_half(newer) && ends_with_a_first_half(older))
    {
        answers.swap(0, 1);
    }
}

fn begins_with_a_second_half(event: &WatchEvent) -> bool {
    matches!(event, WatchEvent::Changed(changes)
        if matches!(changes.first(), Some(ItemChange { action: ChangeAction::RenamedTo, .. })))
}

fn ends_with_a_first_half(event: &WatchEvent) -> bool {
    matches!(event, WatchEvent::Changed(changes)
        if matches!(changes.last(), Some(ItemChange { action: ChangeAction::RenamedFrom, .. })))
}

#[cfg(test)]
mod tests {
    use causeway_paths::SharePath;
    use tokio::sync::oneshot;

    use super::ChangeAction::{Added, RenamedFrom, RenamedTo};
    use super::*;
    use crate::error::ShareErrorKind;

    type Reply = oneshot::Sender<Result<Answer, ShareError>>;

    fn event(actions: &[ChangeAction]) -> WatchEvent {
        let path = SharePath::root();
        WatchEvent::Changed(
            actions.iter().map(|action| ItemChange { action: *action, path: path.clone() }).collect(),
        )
    }

    fn ask(answers: &mut Answers) -> Reply {
        let (reply, asked) = oneshot::channel();
        answers.push(Box::pin(async move {
            asked.await.unwrap_or_else(|_| Err(ShareErrorKind::ConnectionLost.into()))
        }));
        reply
    }

    /// The first request has been looked at and waits; the second one will be looked at for another reason than its answer,
    /// before the first one.
    fn two_requests() -> (Answers, Reply, Reply) {
        let mut answers = Answers::default();
        let older = ask(&mut answers);
        assert!(answers.next().now_or_never().is_none());
        let newer = ask(&mut answers);
        (answers, older, newer)
    }

    #[test]
    fn of_two_answers_the_one_to_the_older_request_is_first_whichever_was_woken_first() {
        let (mut answers, older, newer) = two_requests();
        let _ = older.send(Ok((1, event(&[Added]))));
        let _ = newer.send(Ok((2, event(&[RenamedFrom, RenamedTo]))));
        let (events, ended) = answers.next().now_or_never().expect("both are here");
        assert_eq!(events, [event(&[Added]), event(&[RenamedFrom, RenamedTo])]);
        assert!(ended.is_none());
    }

    #[test]
    fn halves_of_a_rename_are_in_order() {
        let first = event(&[Added, RenamedFrom]);
        let second = event(&[RenamedTo, Added]);
        let both = event(&[RenamedTo, Added, RenamedFrom]);
        for (older, newer, is_open, is_turned) in [
            (&second, &first, false, true),
            (&first, &second, false, false),
            (&second, &first, true, false),
            (&both, &first, false, true),
            (&second, &both, false, true),
            (&both, &both, false, false),
        ] {
            let mut answers = [(2, newer.clone()), (1, older.clone())];
            put_in_order(&mut answers, is_open);
            assert_eq!(answers[0].0 == 2, is_turned, "{older:?}, {newer:?}");
        }
    }

    #[tokio::test]
    async fn a_second_half_waits_for_the_first_one_and_a_dropped_wait_loses_neither() {
        let (mut answers, older, newer) = two_requests();
        let _ = older.send(Ok((1, event(&[RenamedTo]))));
        assert!(answers.next().now_or_never().is_none(), "the first half may be there");
        let _ = newer.send(Ok((2, event(&[RenamedFrom]))));
        assert_eq!(answers.next().await.0, [event(&[RenamedFrom]), event(&[RenamedTo])]);

        let (older, _newer) = (ask(&mut answers), ask(&mut answers));
        let _ = older.send(Ok((3, event(&[RenamedTo]))));
        assert!(answers.next().now_or_never().is_none());
        assert_eq!(answers.next().await.0, [event(&[RenamedTo])], "not for ever");
    }

    #[test]
    fn the_second_half_of_what_is_known_does_not_wait() {
        let (mut answers, older, _newer) = two_requests();
        let _ = older.send(Ok((1, event(&[RenamedFrom]))));
        assert_eq!(answers.next().now_or_never().expect("there").0, [event(&[RenamedFrom])]);
        let third = ask(&mut answers);
        let _ = third.send(Ok((3, event(&[RenamedTo]))));
        assert_eq!(answers.next().now_or_never().expect("there").0, [event(&[RenamedTo])]);
    }

    #[test]
    fn what_came_before_the_end_is_told_with_it() {
        let (mut answers, older, newer) = two_requests();
        let _ = newer.send(Err(ShareErrorKind::DeletePending.into()));
        let _ = older.send(Ok((1, event(&[Added]))));
        let (events, ended) = answers.next().now_or_never().expect("both are here");
        assert_eq!(events, [event(&[Added])]);
        assert_eq!(ended.map(|error| error.kind()), Some(ShareErrorKind::DeletePending));
    }
}
