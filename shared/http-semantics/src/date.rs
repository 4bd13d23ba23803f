//! HTTP dates (RFC 9110 5.6.7), as seconds since 1970-01-01T00:00:00Z.

use time::{Date, Month, OffsetDateTime, Time};

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Two-digit years below this one belong to the present century. The standard asks for fifty years around today, which
/// needs a clock; no server has written this form for thirty years.
const TWO_DIGIT_PIVOT: i32 = 70;

/// `Sun, 06 Nov 1994 08:49:37 GMT`. `None` for years that four digits cannot write.
pub fn format_http_date(unix_seconds: i64) -> Option<String> {
    let moment =
        OffsetDateTime::from_unix_timestamp(unix_seconds).ok().filter(|moment| moment.year() >= 0)?;
    let weekday = &WEEKDAYS[usize::from(moment.weekday().number_days_from_monday())][..3];
    let month = MONTHS[usize::from(u8::from(moment.month())) - 1];
    let (hour, minute, second) = moment.to_hms();
    Some(format!(
        "{weekday}, {:02} {month} {:04} {hour:02}:{minute:02}:{second:02} GMT",
        moment.day(),
        moment.year()
    ))
}

/// Reads the form of today and the two obsolete ones. `None` for anything else: the header is then as good as absent.
/// The name of the weekday must be one, but is not compared with the date.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let text = text.trim_matches([' ', '\t']);
    let mut words = text.split(' ');
    let first = words.next()?;
    let moment = match first.strip_suffix(',') {
        Some(weekday) if short_weekday(weekday) => imf_fixdate(words)?,
        Some(weekday) if WEEKDAYS.contains(&weekday) => rfc850(words)?,
        None if short_weekday(first) => asctime(text)?,
        _ => return None,
    };
    Some(moment.unix_timestamp())
}

/// `06 Nov 1994 08:49:37 GMT`
fn imf_fixdate<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<OffsetDateTime> {
    let day = digits(words.next()?, 2)?;
    let month = month(words.next()?)?;
    let year = digits(words.next()?, 4)?;
    let time = words.next()?;
    (words.next() == Some("GMT") && words.next().is_none()).then_some(())?;
    at(year, month, day, time)
}

/// `06-Nov-94 08:49:37 GMT`
fn rfc850<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<OffsetDateTime> {
    let mut date = words.next()?.split('-');
    let day = digits(date.next()?, 2)?;
    let month = month(date.next()?)?;
    let short_year = digits(date.next()?, 2)?;
    let time = words.next()?;
    (date.next().is_none() && words.next() == Some("GMT") && words.next().is_none()).then_some(())?;
    let year = if short_year < TWO_DIGIT_PIVOT { 2000 + short_year } else { 1900 + short_year };
    at(year, month, day, time)
}

/// `Sun Nov  6 08:49:37 1994`: every field has its place, the day is padded by a blank.
fn asctime(text: &str) -> Option<OffsetDateTime> {
    let (_, rest) = text.split_once(' ')?;
    let (month_name, rest) = rest.split_once(' ')?;
    let (day, rest) = (rest.get(..2)?, rest.get(2..)?.strip_prefix(' ')?);
    let (time, year) = rest.split_once(' ')?;
    let day = match day.strip_prefix(' ') {
        Some(day) => digits(day, 1)?,
        None => digits(day, 2)?,
    };
    at(digits(year, 4)?, month(month_name)?, day, time)
}

fn at(year: i32, month: Month, day: i32, time: &str) -> Option<OffsetDateTime> {
    let mut fields = time.split(':');
    let mut field = || u8::try_from(digits(fields.next()?, 2)?).ok();
    let (hour, minute, second) = (field()?, field()?, field()?);
    fields.next().is_none().then_some(())?;
    // A leap second is written as 60 and counted as the second before it.
    let second = if second == 60 { 59 } else { second };
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    Some(date.with_time(Time::from_hms(hour, minute, second).ok()?).assume_utc())
}

fn short_weekday(name: &str) -> bool {
    WEEKDAYS.iter().any(|weekday| weekday[..3] == *name)
}

fn month(name: &str) -> Option<Month> {
    let index = MONTHS.iter().position(|month| *month == name)?;
    Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

/// Exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i32> {
    let valid = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if valid { text.parse().ok() } else { None }
}
