//! What becomes of changes that cannot simply be saved.

use clap::ValueEnum;

use crate::api::FileInfo;
use crate::person::Choice;
use crate::session::Base;

/// What the person said beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Policy {
    /// Ask; keep the changes on this computer when nobody answers.
    #[default]
    Ask,
    /// Put the changes in the place of what somebody else saved.
    Overwrite,
    /// Put the changes beside the file on the server.
    Copy,
    /// Keep the changes on this computer.
    Keep,
}

/// Why the changes cannot simply be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Somebody else changed the file meanwhile.
    Changed,
    /// Somebody else removed the file meanwhile.
    Gone,
    /// The lock is lost. The server may still take a copy, if the token is good.
    LockLost {
        /// Whether it can.
        token_is_good: bool,
    },
    /// The server refuses this content; trying again may help, for example after somebody made room.
    Refused,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// In the file's place.
    Overwrite,
    /// Beside it, on the server.
    Copy,
    /// On this computer.
    Keep,
    /// Nowhere.
    Discard,
    /// Once more from the beginning.
    TryAgain,
}

/// What was decided beforehand; `None`: ask.
pub fn decided(policy: Policy, obstacle: Obstacle) -> Option<Decision> {
    let has_lock = !matches!(obstacle, Obstacle::LockLost { .. });
    match policy {
        Policy::Ask => None,
        Policy::Overwrite if has_lock && obstacle != Obstacle::Refused => Some(Decision::Overwrite),
        Policy::Copy if can_copy(obstacle) => Some(Decision::Copy),
        // Nobody overwrites without a lock.
        Policy::Overwrite | Policy::Copy | Policy::Keep => Some(Decision::Keep),
    }
}

/// What can be chosen.
pub fn choices(obstacle: Obstacle) -> Vec<Choice<Decision>> {
    let mut choices = Vec::new();
    match obstacle {
        Obstacle::Changed => choices.push(Choice {
            key: 'o',
            meaning: "overwrite: your version takes the place of the other one",
            value: Decision::Overwrite,
        }),
        Obstacle::Gone => choices.push(Choice {
            key: 'o',
            meaning: "save: the file comes back with your content",
            value: Decision::Overwrite,
        }),
        Obstacle::Refused => {
            choices.push(Choice { key: 't', meaning: "try again", value: Decision::TryAgain });
        }
        Obstacle::LockLost { .. } => {}
    }
    if can_copy(obstacle) {
        choices.push(Choice {
            key: 'c',
            meaning: "copy: your version is put beside the file on the server",
            value: Decision::Copy,
        });
    }
    choices.push(Choice {
        key: 'k',
        meaning: "keep: your version stays on this computer for now",
        value: Decision::Keep,
    });
    choices.push(Choice {
        key: 'd',
        meaning: "discard: your changes are thrown away",
        value: Decision::Discard,
    });
    choices
}

fn can_copy(obstacle: Obstacle) -> bool {
    match obstacle {
        Obstacle::Changed | Obstacle::Gone => true,
        Obstacle::LockLost { token_is_good } => token_is_good,
        Obstacle::Refused => false,
    }
}

/// Whether the file on the server is not what the edit began with. Times are compared letter by letter (contract 9.9); what
/// a server does not tell it is left to judge for itself when it gets the content.
pub fn is_changed(before: &Base, now: &FileInfo) -> bool {
    let differs = |before: Option<&str>, now: Option<&str>| matches!((before, now), (Some(before), Some(now)) if before != now);
    differs(before.modified_at.as_deref(), now.modified_at.as_deref())
        || now.size.is_some_and(|size| size != before.content.size)
}

#[cfg(test)]
mod tests {
    use crate::api::FileInfo;
    use crate::session::{Base, Content};

    use super::{Decision, Obstacle, Policy, choices, decided, is_changed};

    const OBSTACLES: [Obstacle; 5] = [
        Obstacle::Changed,
        Obstacle::Gone,
        Obstacle::LockLost { token_is_good: true },
        Obstacle::LockLost { token_is_good: false },
        Obstacle::Refused,
    ];

    #[test]
    fn nothing_is_thrown_away_without_being_asked_for() {
        for obstacle in OBSTACLES {
            for policy in [Policy::Ask, Policy::Overwrite, Policy::Copy, Policy::Keep] {
                assert_ne!(decided(policy, obstacle), Some(Decision::Discard), "{policy:?} {obstacle:?}");
            }
            assert!(choices(obstacle).iter().any(|choice| choice.value == Decision::Keep), "{obstacle:?}");
        }
    }

    #[test]
    fn nobody_overwrites_without_a_lock() {
        for token_is_good in [true, false] {
            let obstacle = Obstacle::LockLost { token_is_good };
            assert_eq!(decided(Policy::Overwrite, obstacle), Some(Decision::Keep));
            assert!(choices(obstacle).iter().all(|choice| choice.value != Decision::Overwrite));
        }
    }

    #[test]
    fn what_was_said_beforehand_is_done() {
        for obstacle in [Obstacle::Changed, Obstacle::Gone] {
            assert_eq!(decided(Policy::Overwrite, obstacle), Some(Decision::Overwrite));
            assert_eq!(decided(Policy::Copy, obstacle), Some(Decision::Copy));
            assert_eq!(decided(Policy::Keep, obstacle), Some(Decision::Keep));
            assert_eq!(decided(Policy::Ask, obstacle), None);
        }
        let lost = |token_is_good| Obstacle::LockLost { token_is_good };
        assert_eq!(decided(Policy::Copy, lost(true)), Some(Decision::Copy));
        assert_eq!(decided(Policy::Copy, lost(false)), Some(Decision::Keep));
        assert_eq!(decided(Policy::Overwrite, Obstacle::Refused), Some(Decision::Keep));
    }

    #[test]
    fn every_choice_has_a_key_of_its_own() {
        for obstacle in OBSTACLES {
            let mut keys: Vec<char> = choices(obstacle).iter().map(|choice| choice.key).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), choices(obstacle).len(), "{obstacle:?}");
        }
    }

    #[test]
    fn times_are_compared_letter_by_letter() {
        let base = |time: Option<&str>| Base {
            modified_at: time.map(str::to_owned),
            content: Content { size: 3, sha256: String::new() },
        };
        let there = |time: Option<&str>, size| FileInfo {
            kind: "file".to_owned(),
            size,
            modified_at: time.map(str::to_owned),
        };
        let (time, other) = (Some("2026-01-02T03:04:05"), Some("2026-01-02T03:04:05Z"));
        assert!(!is_changed(&base(time), &there(time, Some(3))));
        assert!(is_changed(&base(time), &there(other, Some(3))));
        assert!(is_changed(&base(time), &there(time, Some(4))));
        assert!(!is_changed(&base(None), &there(time, Some(3))));
        assert!(!is_changed(&base(time), &there(None, None)));
    }
}
