//! Functions that call functions. These are told a value, its index or name, and the whole.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::{Error, wrong};
use crate::evaluate::Evaluator;
use crate::path::compare;
use crate::value::Value;

type Outcome = Result<Value, Error>;

#[expect(clippy::cast_precision_loss, reason = "lists are short")]
fn index(at: usize) -> Value {
    Value::Number(at as f64)
}

pub(super) fn map(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all, function] = arguments else { return Ok(Value::Nothing) };
    let mut results = Vec::new();
    for (at, item) in all.items().iter().enumerate() {
        let result = evaluator.apply_up_to(function, &[item, &index(at), all])?;
        if !result.is_nothing() {
            results.push(result);
        }
    }
    Value::sequence(results, &mut evaluator.meter)
}

fn kept(evaluator: &mut Evaluator, all: &Value, function: &Value) -> Result<Vec<Value>, Error> {
    let mut kept = Vec::new();
    for (at, item) in all.items().iter().enumerate() {
        if evaluator.apply_up_to(function, &[item, &index(at), all])?.is_true() {
            kept.push(item.clone());
        }
    }
    Ok(kept)
}

pub(super) fn filter(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all, function] = arguments else { return Ok(Value::Nothing) };
    let kept = kept(evaluator, all, function)?;
    Value::sequence(kept, &mut evaluator.meter)
}

pub(super) fn single(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all, function] = arguments else { return Ok(Value::Nothing) };
    if all.is_nothing() {
        return Ok(Value::Nothing);
    }
    let kept =
        if function.is_nothing() { all.items().to_vec() } else { kept(evaluator, all, function)? };
    match <[Value; 1]>::try_from(kept) {
        Ok([only]) => Ok(only),
        Err(kept) => Err(wrong("single", &format!("{} values fit, not one", kept.len()))),
    }
}

pub(super) fn reduce(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all, function, start] = arguments else { return Ok(Value::Nothing) };
    if all.is_nothing() {
        return Ok(Value::Nothing);
    }
    let (mut result, skipped) = match (start, all.items()) {
        (Value::Nothing, [first, ..]) => (first.clone(), 1),
        (start, _) => (start.clone(), 0),
    };
    for (at, item) in all.items().iter().enumerate().skip(skipped) {
        result = evaluator.apply_up_to(function, &[&result, item, &index(at), all])?;
    }
    Ok(result)
}

pub(super) fn each(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all @ Value::Object(object), function] = arguments else { return Ok(Value::Nothing) };
    let mut results = Vec::new();
    for (name, value) in &object.members {
        let name = Value::Text(name.clone());
        let result = evaluator.apply_up_to(function, &[value, &name, all])?;
        if !result.is_nothing() {
            results.push(result);
        }
    }
    Value::sequence(results, &mut evaluator.meter)
}

pub(super) fn sift(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all @ Value::Object(object), function] = arguments else { return Ok(Value::Nothing) };
    let mut members: BTreeMap<Rc<str>, Value> = BTreeMap::new();
    for (name, value) in &object.members {
        let key = Value::Text(name.clone());
        if evaluator.apply_up_to(function, &[value, &key, all])?.is_true() {
            members.insert(name.clone(), value.clone());
        }
    }
    if members.is_empty() {
        return Ok(Value::Nothing);
    }
    Value::object(members, &mut evaluator.meter)
}

pub(super) fn sort(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [all, function] = arguments else { return Ok(Value::Nothing) };
    if all.is_nothing() {
        return Ok(Value::Nothing);
    }
    let sorted = evaluator.merge_sort(all.items().to_vec(), &mut |evaluator, a, b| {
        evaluator.meter.steps(1)?;
        if function.is_nothing() {
            return compare(a, b, &mut evaluator.meter);
        }
        // It says whether the first belongs behind the second.
        let behind = evaluator.apply_up_to(function, &[a, b])?.is_true();
        Ok(if behind { Ordering::Greater } else { Ordering::Less })
    })?;
    Value::list(sorted, &mut evaluator.meter)
}
