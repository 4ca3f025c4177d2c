//! Objects, and what holds of any value.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::error::{Error, wrong};
use crate::evaluate::Evaluator;
use crate::value::Value;

type Outcome = Result<Value, Error>;

pub(super) fn keys(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let mut names: BTreeSet<Rc<str>> = BTreeSet::new();
    for item in arguments[0].items() {
        if let Value::Object(object) = item {
            evaluator.meter.steps(object.members.len())?;
            names.extend(object.members.keys().cloned());
        }
    }
    Value::sequence(names.into_iter().map(Value::Text).collect(), &mut evaluator.meter)
}

pub(super) fn lookup(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let Value::Text(name) = &arguments[1] else { return Ok(Value::Nothing) };
    evaluator.lookup(&arguments[0], name)
}

pub(super) fn merge(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    if arguments[0].is_nothing() {
        return Ok(Value::Nothing);
    }
    let mut members = BTreeMap::new();
    for item in arguments[0].items() {
        let Value::Object(object) = item else {
            return Err(wrong("merge", &format!("{} among the objects", item.kind())));
        };
        evaluator.meter.steps(object.members.len())?;
        members.extend(object.members.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Value::object(members, &mut evaluator.meter)
}

/// One object for each member.
pub(super) fn spread(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    if !matches!(arguments[0], Value::List(_) | Value::Object(_)) {
        return Ok(arguments[0].clone());
    }
    let mut all = Vec::new();
    for item in arguments[0].items() {
        let Value::Object(object) = item else {
            all.push(item.clone());
            continue;
        };
        for (name, value) in &object.members {
            let members = BTreeMap::from([(name.clone(), value.clone())]);
            all.push(Value::object(members, &mut evaluator.meter)?);
        }
    }
    Value::sequence(all, &mut evaluator.meter)
}

pub(super) fn boolean(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Ok(match &arguments[0] {
        Value::Nothing => Value::Nothing,
        value => Value::Bool(value.is_true()),
    })
}

pub(super) fn not(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Ok(match &arguments[0] {
        Value::Nothing => Value::Nothing,
        value => Value::Bool(!value.is_true()),
    })
}

pub(super) fn exists(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(!arguments[0].is_nothing()))
}

pub(super) fn r#type(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Ok(Value::text(match arguments[0] {
        Value::Nothing => return Ok(Value::Nothing),
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Object(_) => "object",
        Value::Function(_) => "function",
    }))
}

pub(super) fn error(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Err(raised(&arguments[0], "$error() was called"))
}

pub(super) fn assert(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    match arguments[0] {
        Value::Bool(true) => Ok(Value::Nothing),
        _ => Err(raised(&arguments[1], "$assert() failed")),
    }
}

fn raised(message: &Value, otherwise: &str) -> Error {
    let text = if let Value::Text(text) = message { text } else { otherwise };
    Error::Raised(text.chars().filter(|c| !c.is_control()).take(500).collect())
}
