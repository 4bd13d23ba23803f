//! The proleptic Gregorian calendar, by hand: a listing formats tens of thousands of times inside WASM.

/// Seconds of a day without leap seconds, as Unix time and FILETIME count.
pub(crate) const SECONDS_PER_DAY: u64 = 86_400;

/// Year, month (1-12) and day (1-31) of a number of days since 1601-01-01.
///
/// 1601 is the first year of a 400-year cycle of the calendar, so that the arithmetic needs no negative numbers. Within,
/// years are counted from March (as in Howard Hinnant's "chrono-compatible low-level date algorithms"), which puts the
/// leap day at the end of a year.
pub(crate) fn civil_from_days_since_1601(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    // 0000-03-01, the start of an era of years from March, lies 584,694 days before 1601-01-01.
    let days = days + 584_694;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}
