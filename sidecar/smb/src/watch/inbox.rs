//! What has been reported and not been read yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::WatchEvent;
use crate::error::ShareError;

/// Changes that wait for their reader. A reader that is further behind is better off looking at everything.
const MAX_UNREAD: usize = 4096;

/// Between the task that takes in answers and the one reader.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<Unread>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Unread {
    events: VecDeque<WatchEvent>,
    /// In all of them together.
    changes: usize,
    ended: Option<ShareError>,
}

impl Inbox {
    /// Never waits: what is too much becomes one [`WatchEvent::Overflow`].
    pub(super) fn put(&self, event: WatchEvent) {
        let mut unread = self.locked();
        let arriving = changes_in(&event);
        if event == WatchEvent::Overflow || unread.changes + arriving > MAX_UNREAD {
            unread.events.clear();
            unread.changes = 0;
            unread.events.push_back(WatchEvent::Overflow);
        } else {
            unread.changes += arriving;
            unread.events.push_back(event);
        }
        drop(unread);
        self.arrived.notify_one();
    }

    /// Nothing more comes; what is unread is read first.
    pub(super) fn end(&self, error: ShareError) {
        self.locked().ended = Some(error);
        self.arrived.notify_one();
    }

    pub(super) async fn next(&self) -> Result<WatchEvent, ShareError> {
        loop {
            if let Some(event) = self.take() {
                return event;
            }
            self.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Result<WatchEvent, ShareError>> {
        let mut unread = self.locked();
        if let Some(event) = unread.events.pop_front() {
            unread.changes -= changes_in(&event);
            return Some(Ok(event));
        }
        unread.ended.clone().map(Err)
    }

    /// A panic elsewhere leaves these values whole.
    fn locked(&self) -> MutexGuard<'_, Unread> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changes_in(event: &WatchEvent) -> usize {
    match event {
        WatchEvent::Changed(changes) => changes.len(),
        WatchEvent::Overflow => 0,
    }
}

#[cfg(test)]
mod tests {
    use causeway_paths::SharePath;
    use futures::FutureExt;

    use super::*;
    use crate::error::ShareErrorKind;
    use crate::watch::{ChangeAction, ItemChange};

    fn changed(count: usize) -> WatchEvent {
        let change = ItemChange { action: ChangeAction::Added, path: SharePath::root() };
        WatchEvent::Changed(vec![change; count])
    }

    #[test]
    fn a_reader_far_behind_is_told_once_to_look_at_everything() {
        let inbox = Inbox::default();
        for _ in 0..5 {
            inbox.put(changed(1000));
        }
        inbox.put(changed(2));
        inbox.end(ShareErrorKind::ConnectionLost.into());
        let read = || inbox.next().now_or_never().expect("something is there");
        assert_eq!(read().expect("an event"), WatchEvent::Overflow);
        assert_eq!(read().expect("an event"), changed(2));
        assert_eq!(read().expect_err("the end").kind(), ShareErrorKind::ConnectionLost);
        assert_eq!(read().expect_err("the end").kind(), ShareErrorKind::ConnectionLost);
    }

    #[test]
    fn room_comes_back_with_reading() {
        let inbox = Inbox::default();
        for _ in 0..100 {
            inbox.put(changed(MAX_UNREAD));
            assert_eq!(inbox.next().now_or_never().expect("there").expect("an event"), changed(MAX_UNREAD));
        }
        assert!(inbox.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_dropped_wait_loses_nothing() {
        let inbox = Inbox::default();
        assert!(inbox.next().now_or_never().is_none());
        inbox.put(changed(1));
        assert!(tokio::time::timeout(std::time::Duration::ZERO, inbox.arrived.notified()).await.is_ok());
        assert_eq!(inbox.next().await.expect("an event"), changed(1));
    }
}
