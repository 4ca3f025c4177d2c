//! Regular expressions, and what it costs to hold a text against them. A single search is linear in
//! the text and in what the expression was made into; finding all matches is not: each may have
//! looked at all that follows.

use regex_lite::{CaptureMatches, Captures, Regex, RegexBuilder};

use crate::error::Error;
use crate::meter::Meter;

/// What an expression may be made into.
const MAX_BYTES: usize = 32 << 10;

/// Where the search for its size begins: so much of it is looked at in one step.
const LEAST_BYTES: usize = 512;

/// Groups of one expression: what is found of each is carried along with every state.
const MAX_GROUPS: usize = 64;

/// A regular expression.
#[derive(Debug)]
pub(crate) struct Matcher {
    regex: Regex,
    /// Steps for each byte.
    cost: usize,
}

/// The matches in a text, one after the other.
pub(crate) struct Matches<'r, 't> {
    all: CaptureMatches<'r, 't>,
    matcher: &'r Matcher,
    /// Bytes that are still to be looked at.
    left: usize,
    length: usize,
}

impl Matcher {
    /// Reads an expression. `flags`: of `i` and `m`.
    pub(crate) fn new(pattern: &str, flags: &str) -> Result<Self, String> {
        let build = |bytes| {
            RegexBuilder::new(pattern)
                .case_insensitive(flags.contains('i'))
                .multi_line(flags.contains('m'))
                .size_limit(bytes)
                .build()
        };
        let mut bytes = LEAST_BYTES;
        let regex = loop {
            match build(bytes) {
                Ok(regex) => break regex,
                Err(_) if bytes < MAX_BYTES => bytes *= 2,
                Err(error) => return Err(error.to_string()),
            }
        };
        let groups = regex.captures_len() - 1;
        if groups > MAX_GROUPS {
            return Err(format!("more than {MAX_GROUPS} groups"));
        }
        Ok(Self { regex, cost: bytes / LEAST_BYTES * (1 + groups / 4) })
    }

    fn pay(&self, bytes: usize, meter: &mut Meter) -> Result<(), Error> {
        meter.steps(bytes.saturating_mul(self.cost).saturating_add(1))
    }

    pub(crate) fn is_match(&self, text: &str, meter: &mut Meter) -> Result<bool, Error> {
        self.pay(text.len(), meter)?;
        Ok(self.regex.is_match(text))
    }

    pub(crate) fn first<'t>(
        &self,
        text: &'t str,
        meter: &mut Meter,
    ) -> Result<Option<Captures<'t>>, Error> {
        self.pay(text.len(), meter)?;
        Ok(self.regex.captures(text))
    }

    pub(crate) fn all<'r, 't>(&'r self, text: &'t str) -> Matches<'r, 't> {
        let (left, length) = (text.len(), text.len());
        Matches { all: self.regex.captures_iter(text), matcher: self, left, length }
    }
}

impl<'t> Matches<'_, 't> {
    pub(crate) fn next(&mut self, meter: &mut Meter) -> Result<Option<Captures<'t>>, Error> {
        self.matcher.pay(self.left, meter)?;
        let found = self.all.next();
        let end = found.as_ref().and_then(|found| found.get(0)).map(|whole| whole.end());
        self.left = self.length - end.unwrap_or(self.length);
        Ok(found)
    }
}
