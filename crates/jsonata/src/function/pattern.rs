//! Regular expressions and plain texts, held against texts.

use std::collections::BTreeMap;
use std::rc::Rc;

use regex_lite::Captures;

use super::text::text;
use crate::error::{Error, wrong};
use crate::evaluate::Evaluator;
use crate::matcher::Matcher;
use crate::meter::Meter;
use crate::value::{Function, Value};

type Outcome = Result<Value, Error>;

enum Pattern {
    Text(Rc<str>),
    Regex(Rc<Matcher>),
}

impl Evaluator {
    /// What a regular expression finds first, called like a function.
    pub(crate) fn first_match(&mut self, regex: &Matcher, value: &Value) -> Outcome {
        let Value::Text(text) = value else { return Ok(Value::Nothing) };
        match regex.first(text, &mut self.meter)? {
            Some(captures) => self.found(text, &captures),
            None => Ok(Value::Nothing),
        }
    }

    fn found(&mut self, text: &str, captures: &Captures<'_>) -> Outcome {
        let mut groups = Vec::new();
        for group in captures.iter().skip(1) {
            groups.push(Value::made(group.map_or("", |group| group.as_str()), &mut self.meter)?);
        }
        let whole = captures.get(0);
        let (found, start) = whole.map_or(("", 0), |found| (found.as_str(), found.start()));
        #[expect(clippy::cast_precision_loss, reason = "texts are short")]
        let index = text[..start].chars().count() as f64;
        self.meter.steps(start / 64)?;
        let members = BTreeMap::from([
            ("match".into(), Value::made(found, &mut self.meter)?),
            ("index".into(), Value::Number(index)),
            ("groups".into(), Value::list(groups, &mut self.meter)?),
        ]);
        Value::object(members, &mut self.meter)
    }

    fn pattern(&mut self, name: &str, value: &Value, text: &str) -> Result<Pattern, Error> {
        self.meter.steps(text.len() + 1)?;
        match value {
            Value::Text(text) => Ok(Pattern::Text(text.clone())),
            Value::Function(function) => match &**function {
                Function::Regex(regex) => Ok(Pattern::Regex(regex.clone())),
                _ => Err(wrong(name, "a function that is no regular expression")),
            },
            other => Err(wrong(name, &format!("{} is no pattern", other.kind()))),
        }
    }
}

/// How often, as an argument says.
fn limit(name: &str, value: &Value) -> Result<usize, Error> {
    match value {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "what does not fit is more than there is"
        )]
        Value::Number(number) if *number >= 0.0 => Ok(*number as usize),
        Value::Number(_) => Err(wrong(name, "a limit below nothing")),
        _ => Ok(usize::MAX),
    }
}

pub(super) fn contains(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    if arguments[1].is_nothing() {
        return Ok(Value::Nothing);
    }
    Ok(Value::Bool(match evaluator.pattern("contains", &arguments[1], &text)? {
        Pattern::Text(part) => text.contains(&*part),
        Pattern::Regex(regex) => regex.is_match(&text, &mut evaluator.meter)?,
    }))
}

pub(super) fn r#match(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    let limit = limit("match", &arguments[2])?;
    let Pattern::Regex(regex) = evaluator.pattern("match", &arguments[1], &text)? else {
        return Err(wrong("match", "a text where a regular expression is due"));
    };
    let mut all = Vec::new();
    let mut matches = regex.all(&text);
    while all.len() < limit
        && let Some(captures) = matches.next(&mut evaluator.meter)?
    {
        all.push(evaluator.found(&text, &captures)?);
    }
    Value::sequence(all, &mut evaluator.meter)
}

pub(super) fn split(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    let limit = limit("split", &arguments[2])?;
    let pattern = evaluator.pattern("split", &arguments[1], &text)?;
    evaluator.meter.bytes(text.len() * size_of::<Value>())?;
    let parts: Vec<Value> = match &pattern {
        Pattern::Text(separator) if separator.is_empty() => {
            text.chars().take(limit).map(|c| Value::text(c.to_string())).collect()
        }
        Pattern::Text(separator) => text.split(&**separator).take(limit).map(Value::text).collect(),
        Pattern::Regex(regex) => {
            let (mut parts, mut from) = (Vec::new(), 0);
            let mut matches = regex.all(&text);
            while let Some(captures) = matches.next(&mut evaluator.meter)? {
                let Some(between) = captures.get(0) else { break };
                parts.push(Value::text(&text[from..between.start()]));
                from = between.end();
            }
            parts.push(Value::text(&text[from..]));
            parts.truncate(limit);
            parts
        }
    };
    Value::list(parts, &mut evaluator.meter)
}

pub(super) fn replace(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    let limit = limit("replace", &arguments[3])?;
    let pattern = evaluator.pattern("replace", &arguments[1], &text)?;
    let by = &arguments[2];
    if !matches!(by, Value::Text(_) | Value::Function(_)) {
        return Err(wrong("replace", &format!("{} in place of what is found", by.kind())));
    }
    let mut replaced = String::new();
    let mut copied = 0;
    let mut put = |evaluator: &mut Evaluator, start: usize, end: usize, by: &str| {
        evaluator.meter.bytes(start - copied + by.len() + 1)?;
        replaced.push_str(&text[copied..start]);
        replaced.push_str(by);
        copied = end;
        Ok::<_, Error>(())
    };
    match (&pattern, by) {
        (Pattern::Text(part), _) if part.is_empty() => {
            return Err(wrong("replace", "an empty text to look for"));
        }
        (Pattern::Text(part), Value::Text(by)) => {
            for (start, found) in text.match_indices(&**part).take(limit) {
                put(evaluator, start, start + found.len(), by)?;
            }
        }
        (Pattern::Text(_), _) => {
            return Err(wrong("replace", "a function in place of a text that is looked for"));
        }
        (Pattern::Regex(regex), by) => {
            let mut matches = regex.all(&text);
            for _ in 0..limit {
                let Some(captures) = matches.next(&mut evaluator.meter)? else { break };
                let Some(whole) = captures.get(0) else { continue };
                if whole.is_empty() {
                    return Err(wrong("replace", "a pattern that finds nothing everywhere"));
                }
                let by = match by {
                    Value::Text(by) => expand(by, &captures, &mut evaluator.meter)?,
                    function => {
                        let found = evaluator.found(&text, &captures)?;
                        match evaluator.apply_up_to(function, &[&found])? {
                            Value::Text(by) => (*by).to_owned(),
                            other => {
                                let what = format!("a function that makes {}", other.kind());
                                return Err(wrong("replace", &what));
                            }
                        }
                    }
                };
                put(evaluator, whole.start(), whole.end(), &by)?;
            }
        }
    }
    evaluator.meter.bytes(text.len() - copied)?;
    replaced.push_str(&text[copied..]);
    Ok(Value::text(replaced))
}

/// `$1` is a group, `$$` is `$`. Of several digits as many count as there are groups.
fn expand(by: &str, captures: &Captures<'_>, meter: &mut Meter) -> Result<String, Error> {
    meter.bytes(by.len())?;
    let mut expanded = String::new();
    let mut rest = by;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
            continue;
        }
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            expanded.push('$');
            continue;
        }
        let fits = |length: &usize| {
            *length == 1 || rest[..*length].parse().is_ok_and(|group: usize| group < captures.len())
        };
        let length = (1..=digits.min(3)).rev().find(fits).unwrap_or(1);
        let group = rest[..length].parse().ok().and_then(|group| captures.get(group));
        let group = group.map_or("", |group| group.as_str());
        meter.bytes(group.len())?;
        expanded.push_str(group);
        rest = &rest[length..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}
