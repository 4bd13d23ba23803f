//! The clock of SMB in the forms that clients read.

use causeway_versions::FileTime;
use proptest::prelude::*;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// 1970-01-01 in 100 ns steps since 1601-01-01.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;
/// 9999-12-31T23:59:59.9999999Z.
const LAST_PRINTABLE: u64 = 2_650_467_743_999_999_999;

#[test]
fn times_are_written_to_the_microsecond() {
    for (steps, text) in [
        (UNIX_EPOCH, "1970-01-01T00:00:00Z"),
        (1, "1601-01-01T00:00:00Z"),
        (10, "1601-01-01T00:00:00.000001Z"),
        (UNIX_EPOCH + 17_673_230_456_789_009, "2026-01-02T03:04:05.678900Z"),
        (UNIX_EPOCH + 17_673_230_450_000_009, "2026-01-02T03:04:05Z"),
        (LAST_PRINTABLE, "9999-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(FileTime::from_raw(steps).to_rfc3339_z().as_deref(), Some(text));
    }
}

#[test]
fn what_cannot_be_written_is_none() {
    assert_eq!(FileTime::UNKNOWN.to_rfc3339_z(), None);
    assert_eq!(FileTime::UNKNOWN.to_unix_micros(), None);
    assert_eq!(FileTime::UNKNOWN.to_unix_seconds(), None);
    assert_eq!(FileTime::from_raw(LAST_PRINTABLE + 1).to_rfc3339_z(), None);
    assert_eq!(FileTime::from_raw(u64::MAX).to_rfc3339_z(), None);
}

#[test]
fn out_of_range_moments_stop_at_the_ends() {
    assert_eq!(FileTime::from_unix_micros(i64::MIN), FileTime::UNKNOWN);
    assert_eq!(FileTime::from_unix_seconds(i64::MIN), FileTime::UNKNOWN);
    assert_eq!(FileTime::from_unix_micros(i64::MAX), FileTime::from_raw(u64::MAX));
    assert_eq!(FileTime::from_unix_seconds(i64::MAX), FileTime::from_raw(u64::MAX));
}

#[test]
fn every_day_of_the_calendar_is_the_days_own() {
    let mut day = time::Date::from_calendar_date(1601, time::Month::January, 1).unwrap();
    // Noon, so that 1601-01-01 is a known time.
    let mut steps = 12 * 3_600 * 10_000_000;
    loop {
        let expected = format!("{:04}-{:02}-{:02}T12:00:00Z", day.year(), u8::from(day.month()), day.day());
        assert_eq!(FileTime::from_raw(steps).to_rfc3339_z(), Some(expected));
        let Some(next) = day.next_day().filter(|next| next.year() <= 9999) else { break };
        day = next;
        steps += 86_400 * 10_000_000;
    }
}

proptest! {
    #[test]
    fn the_text_is_what_a_library_would_write(steps in 1..=LAST_PRINTABLE) {
        let nanos = (i128::from(steps / 10) - i128::from(UNIX_EPOCH / 10)) * 1_000;
        let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap();
        let text = FileTime::from_raw(steps).to_rfc3339_z().unwrap();
        prop_assert_eq!(OffsetDateTime::parse(&text, &Rfc3339).unwrap(), moment);
        // Seconds, or seconds and six digits: nothing between.
        prop_assert_eq!(text.len(), if moment.microsecond() == 0 { 20 } else { 27 });
    }

    #[test]
    fn microseconds_go_there_and_back(micros in -11_644_473_599_999_999..=1_800_000_000_000_000_000_i64) {
        let time = FileTime::from_unix_micros(micros);
        prop_assert_eq!(time.to_unix_micros(), Some(micros));
        prop_assert_eq!(time.to_unix_seconds(), Some(micros.div_euclid(1_000_000)));
    }

    #[test]
    fn seconds_go_there_and_back(seconds in -11_644_473_599..=1_800_000_000_000_i64) {
        prop_assert_eq!(FileTime::from_unix_seconds(seconds).to_unix_seconds(), Some(seconds));
    }

    #[test]
    fn no_number_of_a_server_does_harm(steps: u64) {
        let time = FileTime::from_raw(steps);
        prop_assert_eq!(time.to_unix_micros().is_some(), time.is_known());
        let _ = time.to_rfc3339_z();
        prop_assert_eq!(serde_json::from_str::<FileTime>(&steps.to_string()).unwrap(), time);
    }
}
