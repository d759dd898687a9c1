//! Options' values as text, as Flink writes them: `5 s`, `64 mb`, `true`.

use std::time::Duration;

/// A duration: a whole number and a unit, `500 ms`, `5s`, `10 min`, `1 day`; milliseconds without a unit. `None` where it is none.
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let nanos: u128 = match unit.as_str() {
        "d" | "day" | "days" => 86_400_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "µs" | "us" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        _ => return None,
    };
    let nanos = u128::from(number).checked_mul(nanos)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

/// A size of memory in bytes: a whole number and a unit of 1,024, `64 mb`, `1g`; bytes without a unit. `None` where it is none.
pub fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let shift = match unit.as_str() {
        "" | "b" | "bytes" => 0,
        "k" | "kb" | "kib" | "kibibytes" => 10,
        "m" | "mb" | "mib" | "mebibytes" => 20,
        "g" | "gb" | "gib" | "gibibytes" => 30,
        "t" | "tb" | "tib" | "tebibytes" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// `true` or `false`, in any case.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn number_and_unit(text: &str) -> Option<(u64, String)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_flink_reads_them() {
        let ms = |text| duration(text).map(|d| d.as_millis());
        assert_eq!(ms("5 s"), Some(5_000));
        assert_eq!(ms("10 min"), Some(600_000));
        assert_eq!(ms("1 H"), Some(3_600_000));
        assert_eq!(ms("500ms"), Some(500));
        assert_eq!(ms(" 7 "), Some(7));
        assert_eq!(ms("2 days"), Some(172_800_000));
        assert_eq!(duration("3 µs"), Some(Duration::from_micros(3)));
        for wrong in ["", "s", "-1 s", "1.5 s", "5 parsecs", "99999999999999999999 s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_count_in_1024() {
        assert_eq!(bytes("64 mb"), Some(64 << 20));
        assert_eq!(bytes("1g"), Some(1 << 30));
        assert_eq!(bytes("12"), Some(12));
        assert_eq!(bytes("9999999999 tb"), None);
        assert_eq!(bytes("mb"), None);
    }
}
