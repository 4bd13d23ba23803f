//! The checker finds each fault that is planted, and accuses nobody of anything that can be.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LIFETIME: Duration = Duration::from_secs(1);

/// A history of one file, put together by hand; moments are milliseconds.
#[derive(Default)]
struct Story(Vec<Operation>);

impl Story {
    /// Content 0 is there from the beginning.
    fn new() -> Self {
        Self::default().then("nobody", 0..0, Action::Overwrite { edition: 0 }, Outcome::Done)
    }

    fn then(mut self, user: &str, when: std::ops::Range<u64>, action: Action, outcome: Outcome) -> Self {
        self.0.push(Operation {
            client: 0,
            user: user.to_owned(),
            file: 0,
            invoked: Duration::from_millis(when.start),
            answered: Duration::from_millis(when.end),
            ended: Duration::from_millis(when.end),
            action,
            outcome,
        });
        self
    }

    fn granted(self, user: &str, when: std::ops::Range<u64>, lock: &str, fence: u64) -> Self {
        let outcome = Outcome::Granted { lock: lock.to_owned(), fence: Some(fence) };
        self.then(user, when, Action::Acquire, outcome)
    }

    fn saved(self, user: &str, when: std::ops::Range<u64>, lock: &str, edition: u64, parent: u64) -> Self {
        self.then(user, when, save(lock, edition, parent), Outcome::Done)
    }

    fn read(self, when: std::ops::Range<u64>, edition: u64) -> Self {
        self.then("reader", when, Action::Read, whole(edition))
    }

    fn rules(&self) -> Vec<Rule> {
        let mut rules: Vec<_> =
            check(&self.0, LIFETIME).into_iter().map(|violation| violation.rule).collect();
        rules.sort();
        rules.dedup();
        rules
    }
}

fn save(lock: &str, edition: u64, parent: u64) -> Action {
    Action::Save { lock: lock.to_owned(), edition, parent, keeps_copy: false }
}

fn whole(id: u64) -> Outcome {
    Outcome::Read(Found::Whole(Edition { id, file: 0, length: 7 }))
}

fn heartbeat(lock: &str) -> Action {
    Action::Heartbeat { lock: lock.to_owned() }
}

fn release(lock: &str) -> Action {
    Action::Release { lock: lock.to_owned() }
}

const REFUSED: Outcome = Outcome::Refused { status: 404 };

#[test]
fn a_good_history_is_good() {
    let story = Story::new()
        .granted("ada", 10..20, "a", 1)
        .saved("ada", 30..40, "a", 1, 0)
        .then("bob", 35..45, Action::Acquire, Outcome::Refused { status: 409 })
        .then("ada", 50..60, release("a"), Outcome::Done)
        .granted("bob", 55..65, "b", 2)
        .then("ada", 70..80, heartbeat("a"), REFUSED)
        .then("ada", 70..80, save("a", 2, 1), REFUSED)
        .saved("bob", 70..90, "b", 3, 1)
        .read(75..85, 1)
        .read(100..110, 3);
    assert_eq!(story.rules(), []);
}

#[test]
fn two_holders_at_once_are_found() {
    let story = Story::new().granted("ada", 10..20, "a", 1).granted("bob", 500..510, "b", 2);
    assert_eq!(story.rules(), [Rule::OneHolder]);
    // The lock may be over by then, may have been forced, or given back.
    let later = Story::new().granted("ada", 10..20, "a", 1).granted("bob", 1000..1010, "b", 2);
    assert_eq!(later.rules(), []);
    for outcome in [Outcome::Done, Outcome::Unknown] {
        for action in [Action::Force, release("a")] {
            let ended = Story::new()
                .granted("ada", 10..20, "a", 1)
                .then("ada", 30..400, action, outcome.clone())
                .granted("bob", 300..310, "b", 2);
            assert_eq!(ended.rules(), []);
        }
    }
    let refused = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("eve", 30..40, Action::Force, Outcome::Refused { status: 403 })
        .granted("bob", 300..310, "b", 2);
    assert_eq!(refused.rules(), [Rule::OneHolder]);
    let kept_alive = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("ada", 900..910, heartbeat("a"), Outcome::Done)
        .granted("bob", 1500..1510, "b", 2);
    assert_eq!(kept_alive.rules(), [Rule::OneHolder]);
}

#[test]
fn a_save_of_a_stale_holder_is_found() {
    let gone = [
        Story::new().granted("ada", 10..20, "a", 1).then("ada", 30..40, release("a"), Outcome::Done),
        Story::new().granted("ada", 10..20, "a", 1).then("root", 30..40, Action::Force, Outcome::Done),
        Story::new()
            .granted("ada", 10..20, "a", 1)
            .then("root", 30..40, Action::Force, Outcome::Unknown)
            .granted("bob", 50..60, "b", 2),
    ];
    for story in gone {
        let late = story.saved("ada", 70..80, "a", 1, 0);
        assert_eq!(late.rules(), [Rule::NoStaleHolder]);
    }
    let over = Story::new().granted("ada", 10..20, "a", 1).saved("ada", 1100..1110, "a", 1, 0);
    assert_eq!(over.rules(), [Rule::NoStaleHolder]);
    let overlapping = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("root", 30..40, Action::Force, Outcome::Done)
        .saved("ada", 35..80, "a", 1, 0);
    assert_eq!(overlapping.rules(), []);
}

#[test]
fn a_heartbeat_or_a_look_after_another_grant_is_found() {
    let story = || {
        Story::new()
            .granted("ada", 10..20, "a", 1)
            .then("root", 30..40, Action::Force, Outcome::Unknown)
            .granted("bob", 50..60, "b", 2)
    };
    let beat = story().then("ada", 70..80, heartbeat("a"), Outcome::Done);
    assert_eq!(beat.rules(), [Rule::OneHolder, Rule::NoStaleHolder]);
    let look = story().then("ada", 70..80, Action::Look { lock: "a".to_owned() }, whole(0));
    assert_eq!(look.rules(), [Rule::NoStaleHolder]);
}

#[test]
fn a_number_that_does_not_rise_is_found() {
    let story =
        || Story::new().granted("ada", 10..20, "a", 5).then("ada", 30..40, release("a"), Outcome::Done);
    assert_eq!(story().granted("bob", 50..60, "b", 4).rules(), [Rule::FenceRises]);
    assert!(story().granted("bob", 50..60, "b", 5).rules().contains(&Rule::OneIdentity));
    assert_eq!(story().granted("bob", 15..60, "b", 4).rules(), []);
    // Of a lock that its holder never heard of, it is an old one.
    let unheard = Story::new()
        .then("bob", 5..15, Action::Acquire, Outcome::Unknown)
        .granted("ada", 20..30, "a", 5)
        .then("ada", 35..45, release("a"), Outcome::Done)
        .granted("bob", 50..60, "b", 4);
    assert_eq!(unheard.rules(), []);
}

#[test]
fn a_lock_that_changes_hands_is_found() {
    let story = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("ada", 30..40, release("a"), Outcome::Done)
        .granted("bob", 50..60, "a", 1);
    assert!(story.rules().contains(&Rule::OneIdentity));
    let second = Story::new().granted("ada", 10..20, "a", 1).granted("ada", 30..40, "b", 2);
    assert_eq!(second.rules(), [Rule::SameLockAgain]);
}

#[test]
fn a_write_past_a_lock_is_found() {
    let put = |when| {
        Story::new()
            .granted("ada", 10..20, "a", 1)
            .then("bob", when, Action::Put { edition: 1 }, Outcome::Done)
            .rules()
    };
    assert_eq!(put(30..40), [Rule::LockIsHonoured]);
    assert_eq!(put(15..40), []);
    assert_eq!(put(900..1100), []);
}

#[test]
fn a_file_that_is_taken_away_past_a_lock_is_found() {
    for action in [Action::Remove, Action::Transfer { edition: 1 }] {
        let done = |user: &str| {
            Story::new()
                .granted("ada", 10..20, "a", 1)
                .then(user, 30..40, action.clone(), Outcome::Done)
                .rules()
        };
        assert_eq!((done("bob"), done("ada")), (vec![Rule::LockIsHonoured], vec![]));
    }
}

#[test]
fn a_hold_that_the_server_does_not_honour_is_found() {
    let held = || Story::new().granted("ada", 100..120, "a", 1);
    for action in [Action::OpenPastUs, Action::RemovePastUs] {
        let at = |story: Story, when| story.then("x", when, action.clone(), Outcome::Done).rules();
        assert_eq!(at(held(), 130..140), [Rule::HoldIsHonoured]);
        // Perhaps it was before, or after.
        assert_eq!(at(held(), 110..140), []);
        assert_eq!(at(held(), 1040..1200), []);
        let refused = held().then("x", 130..140, action.clone(), Outcome::Refused { status: 423 });
        assert_eq!((refused.rules(), certainly_held(&refused.0, LIFETIME)), (vec![], 1));
        let after = |user: &str, when, what, outcome| at(held().then(user, when, what, outcome), 300..310);
        let refused = || Outcome::Refused { status: 423 };
        let trouble = || Action::Trouble { what: "smbd killed" };
        assert_eq!(after("ada", 200..210, Action::Read, whole(0)), [Rule::HoldIsHonoured]);
        assert_eq!(after("bob", 200..210, Action::Put { edition: 1 }, refused()), [Rule::HoldIsHonoured]);
        assert_eq!(after("x", 200..210, Action::OpenPastUs, refused()), [Rule::HoldIsHonoured]);
        // All of these can have let go of it, or have put another file there.
        assert_eq!(after("ada", 200..210, Action::Put { edition: 1 }, Outcome::Refused { status: 412 }), []);
        assert_eq!(after("ada", 200..210, save("a", 1, 0), Outcome::Refused { status: 409 }), []);
        assert_eq!(after("x", 200..210, Action::Overwrite { edition: 1 }, Outcome::Done), []);
        assert_eq!(after("x", 200..210, Action::OpenPastUs, Outcome::Unknown), []);
        assert_eq!(after("x", 200..210, trouble(), Outcome::Done), []);
        assert_eq!(after("x", 30..40, trouble(), Outcome::Done), []);
        assert_eq!(after("bob", 30..40, Action::Put { edition: 1 }, Outcome::Unknown), []);
        for end in [release("a"), Action::Force] {
            assert_eq!(after("ada", 200..210, end, Outcome::Unknown), []);
        }
        // It was held by somebody who never heard of it, and what became of that nobody knows.
        let unheard = Story::new().then("ada", 10..20, Action::Acquire, Outcome::Unknown);
        assert_eq!(at(unheard.granted("ada", 100..120, "a", 1), 130..140), []);
        // Nobody else's refused change lets go of it.
        let refused = || Outcome::Refused { status: 409 };
        assert_eq!(after("bob", 200..210, Action::Put { edition: 1 }, refused()), [Rule::HoldIsHonoured]);
        // A save holds the new file.
        let saved = |when| {
            let mut story = held().saved("ada", 200..210, "a", 1, 0);
            for beat in 1..5 {
                let at = 200 + 600 * beat;
                story = story.then("ada", at..at + 10, heartbeat("a"), Outcome::Done);
            }
            at(story, when)
        };
        let held = vec![Rule::HoldIsHonoured];
        assert_eq!((saved(205..215), saved(300..310), saved(2300..2310)), (vec![], held.clone(), held));
    }
}

#[test]
fn what_is_not_there_cannot_be_held() {
    let removed = || Story::new().then("bob", 10..20, Action::Remove, Outcome::Done);
    let past_us = |story: Story| {
        let story = story.granted("ada", 60..70, "a", 1);
        story.then("x", 80..90, Action::OpenPastUs, Outcome::Done).rules()
    };
    assert_eq!(past_us(removed()), []);
    let back = removed().then("bob", 30..40, Action::Put { edition: 1 }, Outcome::Done);
    assert_eq!(past_us(back), [Rule::HoldIsHonoured]);
}

#[test]
fn a_file_that_is_gone_without_a_removal_is_found() {
    let gone = || Outcome::Read(Found::Nothing);
    for action in [Action::Remove, Action::RemovePastUs] {
        for outcome in [Outcome::Done, Outcome::Unknown] {
            let removed = || Story::new().then("bob", 30..40, action.clone(), outcome.clone());
            assert_eq!(removed().then("x", 50..60, Action::Read, gone()).rules(), []);
            let early = removed().then("x", 10..20, Action::Read, gone());
            assert_eq!(early.rules(), [Rule::NothingTorn]);
        }
        let removed = || Story::new().then("bob", 30..40, action.clone(), Outcome::Done);
        let back = || removed().then("bob", 50..60, Action::Put { edition: 1 }, Outcome::Done);
        assert_eq!(back().then("x", 55..65, Action::Read, gone()).rules(), []);
        assert_eq!(back().then("x", 70..80, Action::Read, gone()).rules(), [Rule::NothingTorn]);
        // What was there before does not come back.
        assert_eq!(removed().read(35..38, 0).rules(), []);
        assert_eq!(removed().read(600..610, 0).rules(), [Rule::OneOrder]);
        // A server may show it for a moment more.
        assert_eq!(removed().read(50..60, 0).rules(), []);
        let refused = Outcome::Refused { status: 423 };
        let not_removed = Story::new().then("bob", 30..40, action.clone(), refused);
        assert_eq!(not_removed.then("x", 50..60, Action::Read, gone()).rules(), [Rule::NothingTorn]);
    }
}

#[test]
fn what_is_renamed_over_a_file_that_somebody_still_reads_may_go_with_it() {
    let gone = || Outcome::Read(Found::Nothing);
    let story = |successor| {
        let removed = Story::new().read(20..200, 0).then("bob", 30..40, Action::RemovePastUs, Outcome::Done);
        removed.then("x", 50..60, successor, Outcome::Done)
    };
    let by_a_program = || story(Action::Overwrite { edition: 1 });
    assert_eq!(by_a_program().then("x", 300..310, Action::Read, gone()).rules(), []);
    // The product has looked.
    let by_us = story(Action::Put { edition: 1 });
    assert_eq!(by_us.then("x", 300..310, Action::Read, gone()).rules(), [Rule::NothingTorn]);
    // Nobody has it open any more.
    let later = by_a_program().then("x", 800..810, Action::Put { edition: 2 }, Outcome::Done);
    assert_eq!(later.then("x", 820..830, Action::Read, gone()).rules(), [Rule::NothingTorn]);
}

#[test]
fn a_save_of_what_was_removed_is_found() {
    let saved = |when: std::ops::Range<u64>| {
        Story::new()
            .granted("ada", 10..20, "a", 1)
            .then("ada", 40..50, Action::Remove, Outcome::Done)
            .saved("ada", when, "a", 1, 0)
            .read(90..95, 1)
            .rules()
    };
    assert_eq!(saved(60..70), [Rule::NoLostUpdate]);
    assert_eq!(saved(45..70), []);
}

#[test]
fn what_is_torn_or_strange_is_found() {
    let torn = |found| Story::new().then("bob", 10..20, Action::Read, Outcome::Read(found)).rules();
    assert_eq!(torn(Found::Torn(String::new())), [Rule::NothingTorn]);
    assert_eq!(torn(Found::Nothing), [Rule::NothingTorn]);
    assert_eq!(torn(Found::Whole(Edition { id: 9, file: 0, length: 7 })), [Rule::NothingTorn]);
    assert_eq!(torn(Found::Whole(Edition { id: 0, file: 1, length: 7 })), [Rule::NothingTorn]);
}

#[test]
fn a_refused_save_that_is_read_is_found() {
    let story = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("ada", 30..40, save("a", 1, 0), Outcome::Refused { status: 409 })
        .read(50..60, 1);
    assert!(story.rules().contains(&Rule::RefusedIsRefused));
}

#[test]
fn an_old_content_that_comes_back_is_found() {
    let story = Story::new().granted("ada", 10..20, "a", 1).saved("ada", 30..40, "a", 1, 0).read(50..60, 0);
    assert!(story.rules().contains(&Rule::OneOrder));
    let in_turns = Story::new()
        .then("x", 10..50, Action::Overwrite { edition: 1 }, Outcome::Done)
        .then("x", 10..50, Action::Overwrite { edition: 2 }, Outcome::Done)
        .read(12..14, 1)
        .read(16..18, 2)
        .read(20..22, 1);
    assert_eq!(in_turns.rules(), [Rule::OneOrder]);
    let before =
        Story::new().then("x", 30..50, Action::Overwrite { edition: 1 }, Outcome::Done).read(10..20, 1);
    assert_eq!(before.rules(), [Rule::OneOrder]);
    // A write without an answer may come late, but not go away again.
    let late = || {
        Story::new()
            .then("x", 10..20, Action::Overwrite { edition: 1 }, Outcome::Unknown)
            .read(30..40, 0)
            .read(50..60, 1)
    };
    assert_eq!(late().rules(), []);
    assert_eq!(late().read(70..80, 0).rules(), [Rule::OneOrder]);
}

#[test]
fn a_lost_update_is_found() {
    let both_on_the_first = Story::new()
        .granted("ada", 10..20, "a", 1)
        .saved("ada", 30..40, "a", 1, 0)
        .saved("ada", 50..60, "a", 2, 0)
        .read(70..80, 2);
    assert_eq!(both_on_the_first.rules(), [Rule::NoLostUpdate]);
}

#[test]
fn a_save_that_buries_another_write_is_found() {
    let by = |action: Action, outcome| {
        Story::new().granted("ada", 10..20, "a", 1).then("x", 30..40, action, outcome).saved(
            "ada",
            50..60,
            "a",
            1,
            0,
        )
    };
    let put = || by(Action::Put { edition: 5 }, Outcome::Done);
    let overwritten = |outcome| by(Action::Overwrite { edition: 5 }, outcome);
    assert!(put().rules().contains(&Rule::NoLostUpdate));
    assert_eq!(overwritten(Outcome::Done).rules(), [Rule::NoLostUpdate]);
    assert_eq!(overwritten(Outcome::Done).read(70..80, 1).rules(), [Rule::NoLostUpdate]);
    // Nobody knows whether it was there, until somebody has read it.
    assert_eq!(overwritten(Outcome::Unknown).rules(), []);
    assert_eq!(overwritten(Outcome::Unknown).read(45..55, 5).rules(), []);
    assert_eq!(overwritten(Outcome::Unknown).read(42..48, 5).rules(), [Rule::NoLostUpdate]);
    // A save whose answer was lost buries, too, if it was one.
    let lost = |action| {
        let story = Story::new().granted("ada", 10..20, "a", 1).then("x", 30..40, action, Outcome::Done);
        story.then("ada", 50..60, save("a", 1, 0), Outcome::Unknown)
    };
    assert_eq!(lost(Action::Overwrite { edition: 5 }).rules(), []);
    assert_eq!(lost(Action::Overwrite { edition: 5 }).read(70..80, 1).rules(), [Rule::NoLostUpdate]);
    // The parent may have come after it, being a save without an answer, or on its way at the same time.
    let late = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("ada", 22..25, save("a", 1, 0), Outcome::Unknown)
        .then("x", 30..40, Action::Overwrite { edition: 5 }, Outcome::Done);
    assert_eq!(late.read(32..50, 1).saved("ada", 60..70, "a", 2, 1).read(80..90, 2).rules(), []);
    let at_once = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("y", 22..35, Action::Overwrite { edition: 4 }, Outcome::Done)
        .then("x", 30..40, Action::Overwrite { edition: 5 }, Outcome::Done);
    assert_eq!(at_once.saved("ada", 60..70, "a", 2, 4).rules(), []);
}

#[test]
fn what_comes_between_the_last_look_and_the_rename_is_ours_to_keep_out() {
    let during = |user: &str, action, outcome| {
        Story::new()
            .granted("ada", 10..20, "a", 1)
            .then(user, 40..50, action, outcome)
            .saved("ada", 30..60, "a", 1, 0)
            .read(70..80, 1)
            .rules()
    };
    // Past us it can: there is no conditional rename.
    assert_eq!(during("x", Action::Overwrite { edition: 5 }, Outcome::Done), []);
    assert_eq!(during("ada", Action::Put { edition: 5 }, Outcome::Unknown), []);
    // A save of one's own has one's own write before it and sees it, or after it.
    assert_eq!(during("ada", Action::Put { edition: 5 }, Outcome::Done), [Rule::NoLostUpdate]);
    let after = Story::new()
        .granted("ada", 10..20, "a", 1)
        .then("ada", 40..50, Action::Put { edition: 5 }, Outcome::Done)
        .saved("ada", 30..60, "a", 1, 0);
    assert_eq!(after.read(70..80, 5).rules(), []);
}

#[test]
fn a_rename_that_comes_long_after_its_save_is_found() {
    let story = || {
        Story::new()
            .granted("ada", 10..20, "a", 1)
            // Killed; the server has its rename in the buffers.
            .then("ada", 30..40, save("a", 1, 0), Outcome::Unknown)
    };
    let over_another_save = story().granted("ada", 50..60, "a", 1).saved("ada", 70..80, "a", 2, 0);
    assert_eq!(over_another_save.read(90..95, 1).rules(), [Rule::NoLostUpdate]);
    let over_a_put = story().then("ada", 70..80, Action::Put { edition: 2 }, Outcome::Done);
    assert_eq!(over_a_put.read(90..95, 1).rules(), [Rule::NoLostUpdate]);
    let of_two_generations = story().saved("ada", 70..80, "a", 2, 0).saved("ada", 82..85, "a", 3, 2);
    assert_eq!(of_two_generations.read(90..95, 1).rules(), [Rule::NoLostUpdate]);
    let first = story().read(42..45, 1).then("ada", 70..80, Action::Put { edition: 2 }, Outcome::Done);
    assert_eq!(first.read(90..95, 2).rules(), []);
}

#[test]
fn an_accepted_save_in_nobodys_history_is_found() {
    // Written, and then something is there that was made of something else.
    let story = |blind: u64| {
        let mut story = Story::new().granted("ada", 10..20, "a", 1);
        for number in 0..blind {
            let action = Action::Overwrite { edition: 10 + number };
            story = story.then("x", 30..100, action, Outcome::Done);
        }
        story.saved("ada", 30..100, "a", 1, 0).saved("ada", 30..100, "a", 2, 7).read(300..310, 2)
    };
    assert_eq!(story(0).rules(), [Rule::NoLostUpdate]);
    assert_eq!(story(1).rules(), []);
}

#[test]
fn copies_that_are_missing_or_that_nobody_wanted_are_found() {
    let kept = |outcome| {
        let action = Action::Save { lock: "a".to_owned(), edition: 1, parent: 0, keeps_copy: true };
        Story::new().granted("ada", 10..20, "a", 1).then("ada", 30..40, action, outcome).0
    };
    let rules = |operations: &[Operation], copies: &[(String, Found)]| {
        check_copies(operations, copies).into_iter().map(|violation| violation.rule).collect::<Vec<_>>()
    };
    let is_there = [("copy".to_owned(), Found::Whole(Edition { id: 1, file: 0, length: 7 }))];
    let is_torn = [("copy".to_owned(), Found::Torn(String::new()))];
    let copied = kept(Outcome::Kept { copy: "copy".to_owned() });
    assert_eq!(rules(&copied, &is_there), []);
    assert_eq!(rules(&copied, &[]), [Rule::CopiesAreKept]);
    assert_eq!(rules(&copied, &is_torn), [Rule::CopiesAreKept, Rule::CopiesAreKept]);
    assert_eq!(rules(&kept(Outcome::Unknown), &is_there), []);
    assert_eq!(rules(&kept(Outcome::Unknown), &[]), []);
    assert_eq!(rules(&kept(Outcome::Done), &is_there), [Rule::CopiesAreKept]);
}

#[test]
fn a_content_shows_that_it_is_not_whole() {
    let edition = Edition { id: 5, file: 2, length: 10_000 };
    let bytes = edition.to_bytes();
    assert_eq!(Edition::read(&bytes), Found::Whole(edition));
    let other = Edition { id: 6, ..edition }.to_bytes();
    for at in [18, 40, 5_000, bytes.len() - 1] {
        let mixed = [&bytes[..at], &other[at..]].concat();
        assert!(matches!(Edition::read(&mixed), Found::Torn(_)), "{at}");
        assert!(matches!(Edition::read(&bytes[..at]), Found::Torn(_)), "{at}");
    }
    let longer = [&bytes[..], b"x"].concat();
    assert!(matches!(Edition::read(&longer), Found::Torn(_)));
}

/// A step of the product that cannot be wrong: everything happens in one moment.
#[derive(Debug, Clone)]
struct Step {
    user: usize,
    what: u8,
    /// Which of all locks there ever were.
    which: prop::sample::Index,
    /// Milliseconds since the step before.
    after: u64,
    asked_before: u64,
    answered_after: u64,
    loss: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0..3_usize, 0..20_u8, any::<prop::sample::Index>(), 0..300_u64, 0..200_u64, 0..200_u64, 0..20_u8)
        .prop_map(|(user, what, which, after, asked_before, answered_after, loss)| Step {
            user,
            what,
            which,
            after,
            asked_before,
            answered_after,
            loss,
        })
}

/// The product that cannot be wrong.
#[derive(Default)]
struct Model {
    /// Its locks: user, number, what was last seen under it.
    locks: Vec<(usize, Option<u64>)>,
    /// Whether the file is held on the server, if it is locked.
    is_held: bool,
    /// Those that their holders have heard of, and when.
    known: Vec<(usize, u64)>,
    /// Which of them holds, and until when.
    held: Option<(usize, u64)>,
    /// `None`: it is not there.
    content: Option<u64>,
    next: u64,
}

fn read(content: Option<u64>) -> Outcome {
    content.map_or(Outcome::Read(Found::Nothing), whole)
}

impl Model {
    fn holder(&self, now: u64) -> Option<usize> {
        self.held.filter(|(_, until)| now < *until).map(|(lock, _)| lock)
    }

    fn act(&mut self, step: &Step, now: u64) -> (Action, Outcome) {
        let until = now + u64::try_from(LIFETIME.as_millis()).unwrap_or(0);
        let holder = self.holder(now);
        self.is_held &= holder.is_some();
        let known: Vec<_> =
            self.known.iter().filter(|(_, heard)| *heard < now).map(|(lock, _)| *lock).collect();
        let lock = (!known.is_empty()).then(|| known[step.which.index(known.len())]);
        self.next += 1;
        let edition = self.next;
        let named = |lock: usize| lock.to_string();
        match (step.what, lock) {
            (0..=2, _) => match holder {
                Some(lock) if self.locks[lock].0 != step.user => (Action::Acquire, REFUSED),
                other => {
                    let lock = other.unwrap_or(self.locks.len());
                    if other.is_none() {
                        self.locks.push((step.user, None));
                    }
                    self.held = Some((lock, until));
                    self.is_held |= other.is_none() && self.content.is_some();
                    self.locks[lock].1 = self.content;
                    let granted = Outcome::Granted { lock: named(lock), fence: Some(lock as u64 + 1) };
                    (Action::Acquire, granted)
                }
            },
            (3, _) => {
                (self.content, self.is_held) = (Some(edition), false);
                (Action::Overwrite { edition }, Outcome::Done)
            }
            (4 | 14 | 15, _) => {
                let is_foreign = holder.is_some_and(|lock| self.locks[lock].0 != step.user);
                let (action, content) = match step.what {
                    4 => (Action::Put { edition }, Some(edition)),
                    14 => (Action::Transfer { edition }, Some(edition)),
                    _ => (Action::Remove, None),
                };
                if is_foreign {
                    return (action, Outcome::Refused { status: 423 });
                }
                (self.content, self.is_held) = (content, false);
                (action, Outcome::Done)
            }
            (16..=18, _) => {
                let action = if step.what == 16 { Action::RemovePastUs } else { Action::OpenPastUs };
                if holder.is_some() && self.is_held || self.content.is_none() {
                    return (action, Outcome::Refused { status: 423 });
                }
                if step.what == 16 {
                    self.content = None;
                }
                (action, Outcome::Done)
            }
            (19, _) => {
                self.is_held = false;
                (Action::Trouble { what: "smbd killed" }, Outcome::Done)
            }
            (5, _) => {
                (self.held, self.is_held) = (None, false);
                (Action::Force, Outcome::Done)
            }
            (6, Some(lock)) => {
                if holder == Some(lock) {
                    (self.held, self.is_held) = (None, false);
                }
                (release(&named(lock)), Outcome::Done)
            }
            (7..=8, Some(lock)) => {
                if holder == Some(lock) {
                    self.held = Some((lock, until));
                }
                (heartbeat(&named(lock)), if holder == Some(lock) { Outcome::Done } else { REFUSED })
            }
            (9, Some(lock)) => {
                if holder == Some(lock) {
                    self.locks[lock].1 = self.content;
                }
                let outcome = if holder == Some(lock) {
                    self.content.map_or(Outcome::Refused { status: 404 }, whole)
                } else {
                    REFUSED
                };
                (Action::Look { lock: named(lock) }, outcome)
            }
            (10..=12, Some(lock)) => {
                let Some(base) = self.locks[lock].1 else { return (Action::Read, read(self.content)) };
                let is_accepted = holder == Some(lock) && Some(base) == self.content;
                if is_accepted {
                    (self.content, self.is_held) = (Some(edition), true);
                    self.locks[lock].1 = Some(edition);
                }
                (save(&named(lock), edition, base), if is_accepted { Outcome::Done } else { REFUSED })
            }
            _ => (Action::Read, read(self.content)),
        }
    }
}

proptest! {
    #[test]
    fn nobody_is_accused_of_what_can_be(steps in prop::collection::vec(step(), 1..200)) {
        let mut model = Model { content: Some(0), ..Model::default() };
        let mut story = Story::new();
        let mut now = 1000;
        for step in &steps {
            now += step.after;
            // Some requests never arrive, and some answers.
            if step.loss == 0 && step.what == 3 {
                model.next += 1;
                let action = Action::Overwrite { edition: model.next };
                story = story.then("0", now - step.asked_before..now + step.answered_after, action, Outcome::Unknown);
                continue;
            }
            let (action, outcome) = model.act(step, now);
            let outcome = if step.loss < 3 { Outcome::Unknown } else { outcome };
            let mut when = now - step.asked_before..now + step.answered_after;
            if let Outcome::Granted { lock, .. } = &outcome {
                model.known.push((lock.parse().unwrap(), when.end));
            }
            let user = match &action {
                Action::Heartbeat { lock } | Action::Release { lock } | Action::Look { lock }
                | Action::Save { lock, .. } => {
                    let lock = lock.parse::<usize>().unwrap();
                    // Nobody names a lock that he has not heard of.
                    let heard = model.known.iter().filter(|(known, _)| *known == lock).map(|(_, heard)| *heard);
                    when.start = when.start.max(heard.min().unwrap() + 1);
                    model.locks[lock].0
                }
                _ => step.user,
            };
            story = story.then(&user.to_string(), when, action, outcome);
        }
        story = story.then("reader", now + 1000..now + 1001, Action::Read, read(model.content));
        let violations = check(&story.0, LIFETIME);
        prop_assert!(violations.is_empty(), "{}\n{}", violations[0], tell(&story.0));
    }
}
