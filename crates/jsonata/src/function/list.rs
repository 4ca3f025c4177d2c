//! Lists.

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::value::Value;

type Outcome = Result<Value, Error>;

pub(super) fn append(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [first, second] = arguments else { return Ok(Value::Nothing) };
    if first.is_nothing() {
        return Ok(second.clone());
    }
    if second.is_nothing() {
        return Ok(first.clone());
    }
    let items = [first.items(), second.items()].concat();
    Value::sequence(items, &mut evaluator.meter)
}

pub(super) fn count(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    #[expect(clippy::cast_precision_loss, reason = "lists are short")]
    Ok(Value::Number(arguments[0].items().len() as f64))
}

pub(super) fn distinct(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let Value::List(list) = &arguments[0] else { return Ok(arguments[0].clone()) };
    let mut kept: Vec<Value> = Vec::new();
    'items: for item in &list.items {
        for other in &kept {
            if other.equals(item, &mut evaluator.meter)? {
                continue 'items;
            }
        }
        kept.push(item.clone());
    }
    if list.form.sequence {
        return Value::sequence(kept, &mut evaluator.meter);
    }
    Value::list(kept, &mut evaluator.meter)
}

pub(super) fn reverse(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    if arguments[0].is_nothing() {
        return Ok(Value::Nothing);
    }
    let items = arguments[0].items().iter().rev().cloned().collect();
    Value::list(items, &mut evaluator.meter)
}

pub(super) fn zip(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let length = arguments.iter().map(|list| list.items().len()).min().unwrap_or(0);
    let mut rows = Vec::new();
    for index in 0..length {
        let row = arguments.iter().map(|list| list.items()[index].clone()).collect();
        rows.push(Value::list(row, &mut evaluator.meter)?);
    }
    Value::list(rows, &mut evaluator.meter)
}
