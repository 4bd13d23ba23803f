//! [`FileTime`]: a moment as SMB writes it.

use crate::calendar::{SECONDS_PER_DAY, civil_from_days_since_1601};

/// 100 ns steps in a second.
const STEPS_PER_SECOND: u64 = 10_000_000;
/// 100 ns steps in a microsecond.
const STEPS_PER_MICRO: u64 = 10;
/// Seconds from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH_SECONDS: u64 = 11_644_473_600;
const UNIX_EPOCH_MICROS: i64 = 11_644_473_600_000_000;
/// 10000-01-01: RFC 3339 has four digits for the year.
const FIRST_UNPRINTABLE: u64 = 265_046_774_400 * STEPS_PER_SECOND;

/// A moment in 100 ns steps since 1601-01-01T00:00:00Z (MS-DTYP 2.3.3). 0 means that the server does not know it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct FileTime(u64);

impl FileTime {
    /// What a server sends for a time that it does not keep.
    pub const UNKNOWN: Self = Self(0);

    /// From the wire's number.
    pub const fn from_raw(steps: u64) -> Self {
        Self(steps)
    }

    /// The wire's number.
    pub const fn to_raw(self) -> u64 {
        self.0
    }

    /// Whether the time is known at all.
    pub const fn is_known(self) -> bool {
        self.0 != 0
    }

    /// From microseconds since 1970-01-01T00:00:00Z. Moments up to 1601 become [`FileTime::UNKNOWN`], those that do not
    /// fit the last one that does.
    pub fn from_unix_micros(micros: i64) -> Self {
        let since_1601 = i128::from(micros) + i128::from(UNIX_EPOCH_MICROS);
        let steps = (since_1601 * i128::from(STEPS_PER_MICRO)).clamp(0, i128::from(u64::MAX));
        Self(u64::try_from(steps).unwrap_or(u64::MAX))
    }

    /// Whole microseconds since 1970-01-01T00:00:00Z, rounded down; negative before it. `None` when unknown.
    pub fn to_unix_micros(self) -> Option<i64> {
        let since_1601 = i64::try_from(self.0 / STEPS_PER_MICRO).ok()?;
        self.is_known().then(|| since_1601 - UNIX_EPOCH_MICROS)
    }

    /// From seconds since 1970-01-01T00:00:00Z, as in an HTTP date; out of range as for
    /// [`from_unix_micros`](Self::from_unix_micros).
    pub fn from_unix_seconds(seconds: i64) -> Self {
        let steps = (i128::from(seconds) + i128::from(UNIX_EPOCH_SECONDS)) * i128::from(STEPS_PER_SECOND);
        Self(u64::try_from(steps.clamp(0, i128::from(u64::MAX))).unwrap_or(u64::MAX))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down, as for an HTTP date. `None` when unknown.
    pub fn to_unix_seconds(self) -> Option<i64> {
        let since_1601 = i64::try_from(self.0 / STEPS_PER_SECOND).ok()?;
        self.is_known().then(|| since_1601 - UNIX_EPOCH_SECONDS.cast_signed())
    }

    /// `2026-01-02T03:04:05Z`, or with six digits of a second when the microseconds are not zero:
    /// `2026-01-02T03:04:05.678900Z`. `None` when unknown or after the year 9999, which RFC 3339 cannot write.
    pub fn to_rfc3339_z(self) -> Option<String> {
        if !self.is_known() || self.0 >= FIRST_UNPRINTABLE {
            return None;
        }
        let seconds = self.0 / STEPS_PER_SECOND;
        let micros = self.0 % STEPS_PER_SECOND / STEPS_PER_MICRO;
        let (year, month, day) = civil_from_days_since_1601(seconds / SECONDS_PER_DAY);
        let time_of_day = seconds % SECONDS_PER_DAY;

        let mut text = String::with_capacity("2026-01-02T03:04:05.678900Z".len());
        push_digits(&mut text, year, 1_000);
        text.push('-');
        push_digits(&mut text, month, 10);
        text.push('-');
        push_digits(&mut text, day, 10);
        text.push('T');
        push_digits(&mut text, time_of_day / 3_600, 10);
        text.push(':');
        push_digits(&mut text, time_of_day / 60 % 60, 10);
        text.push(':');
        push_digits(&mut text, time_of_day % 60, 10);
        if micros != 0 {
            text.push('.');
            push_digits(&mut text, micros, 100_000);
        }
        text.push('Z');
        Some(text)
    }
}

/// Appends as many digits of `number` as the power of ten `place` has, leading zeros included.
fn push_digits(text: &mut String, number: u64, mut place: u64) {
    while place > 0 {
        text.push(DIGITS[(number / place % 10) as usize]);
        place /= 10;
    }
}

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
