//! Moments as text. The time zone is always UTC; others are refused where they are set.

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// As `DateStyle` ISO has it: `2026-11-28 06:30:00.25+00`.
pub(crate) fn write(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(MICROS), micros.rem_euclid(MICROS));
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let second = seconds.rem_euclid(DAY);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    text + "+00"
}

/// The same, with or without a time, a fraction and a zone.
pub(crate) fn read(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches("UTC").trim_end_matches('Z').trim();
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (time, zone) = match time.find(['+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "+00"),
    };
    let mut clock = time.splitn(3, ':');
    let hour: i64 = clock.next()?.parse().ok()?;
    let minute: i64 = clock.next().unwrap_or("0").parse().ok()?;
    let (second, fraction) = {
        let written = clock.next().unwrap_or("0");
        let (second, fraction) = written.split_once('.').unwrap_or((written, ""));
        let padded = format!("{fraction:0<6}");
        (second.parse::<i64>().ok()?, padded.get(..6)?.parse::<i64>().ok()?)
    };
    let offset = {
        let (sign, rest) = zone.split_at(1);
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let offset = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
        if sign == "-" { -offset } else { offset }
    };
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour <= 24;
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    in_range.then_some(seconds * MICROS + fraction)
}

/// Year, month and day of a day counted from the Unix epoch, in the proleptic Gregorian calendar:
/// counted in eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_they_are_written() {
        for text in [
            "1970-01-01 00:00:00+00",
            "2024-02-29 23:59:59.999999+00",
            "2026-11-28 06:30:00.25+00",
            "1969-12-31 23:59:59.5+00",
        ] {
            assert_eq!(write(read(text).unwrap()), text);
        }
        assert_eq!(read("2026-11-28T07:30:00+01:00"), read("2026-11-28 06:30:00Z"));
        assert_eq!(read("yesterday"), None);
    }
}
