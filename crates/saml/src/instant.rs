//! `xs:dateTime` as SAML has it: UTC, written with `Z` (SAML core §1.3.3).

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads an instant. Without a time zone it is none; fractions are kept to the nanosecond.
pub(crate) fn parse(text: &str) -> Option<SystemTime> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    // RFC 3339 lets `t` and `z` pass, and a space; XML Schema does not.
    if text.as_bytes().get(10) != Some(&b'T') || text.contains('z') {
        return None;
    }
    Some(OffsetDateTime::parse(text, &Rfc3339).ok()?.into())
}

/// Writes an instant in whole seconds, rounded down.
pub(crate) fn format(instant: SystemTime) -> String {
    let utc = OffsetDateTime::from(instant);
    let utc = utc.replace_nanosecond(0).unwrap_or(utc);
    // Fails for years past 9999 alone, which no caller's clock shows.
    utc.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::{format, parse};

    #[test]
    fn instants_are_utc_or_carry_their_offset() {
        let noon = UNIX_EPOCH + Duration::from_hours(498_672);
        for text in [
            "2026-11-21T00:00:00Z",
            " 2026-11-21T00:00:00.000Z\n",
            "2026-11-21T02:00:00+02:00",
            "2026-11-21T00:00:00.0000000000000Z",
        ] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        assert_eq!(parse("2026-11-21T00:00:00.5Z"), Some(noon + Duration::from_millis(500)));
        assert_eq!(format(noon + Duration::from_millis(999)), "2026-11-21T00:00:00Z");
        assert!(parse("9999-12-31T23:59:59Z").is_some());
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T00:00:00",
            "2026-11-21T24:00:00Z",
            "2026-11-21 00:00:00Z",
            "2026-11-21T00:00:00z",
            "2026-13-21T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "now",
            "2026-11-21T00:00Z",
            "12026-11-21T00:00:00Z",
            "2026-11-21T00:00:60Z",
            "-2026-11-21T00:00:00Z",
            "2026-11-21T00:00:00.Z",
            "2026-11-21T00:00:00Z2026",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
