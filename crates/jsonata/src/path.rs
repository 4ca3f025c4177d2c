//! Paths: steps, predicates, sorting, ranges.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::meter::Meter;
use crate::syntax::{Kind, Literal, Node};
use crate::value::{Form, Value};

/// Longer ranges are not made.
const MAX_RANGE: f64 = 100_000.0;

impl Evaluator {
    pub(crate) fn path(
        &mut self,
        steps: &[Node],
        keep_list: bool,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        let by_variable = matches!(steps[0].kind, Kind::Variable(_));
        let mut current = match input {
            Value::List(_) if !by_variable => input.clone(),
            other => Value::sequence(vec![other.clone()], &mut self.meter)?,
        };
        for (index, step) in steps.iter().enumerate() {
            let result = if index == 0 && step.one_value {
                self.evaluate(step, &current, frame)?
            } else {
                self.step(step, &current, frame, index + 1 == steps.len())?
            };
            current = result;
            if matches!(&current, Value::Nothing)
                || matches!(&current, Value::List(list) if list.items.is_empty())
            {
                break;
            }
        }
        if !keep_list {
            return Ok(current);
        }
        match &current {
            Value::List(list) if list.form.one_value && !list.form.sequence => {
                let form = Form { sequence: true, keep: true, ..Form::default() };
                Value::list_as(vec![current.clone()], form, &mut self.meter)
            }
            Value::List(list) => {
                let form = Form { sequence: true, keep: true, ..Form::default() };
                Value::list_as(list.items.clone(), form, &mut self.meter)
            }
            _ => Ok(current),
        }
    }

    fn step(
        &mut self,
        step: &Node,
        input: &Value,
        frame: usize,
        is_last: bool,
    ) -> Result<Value, Error> {
        if let Kind::Sort(terms) = &step.kind {
            let mut result = self.sort(input, terms, frame)?;
            for stage in &step.stages {
                result = self.filter(stage, &result, frame)?;
            }
            return Ok(result);
        }
        let mut results = Vec::new();
        for item in input.items() {
            let mut result = self.evaluate(step, item, frame)?;
            for stage in &step.stages {
                result = self.filter(stage, &result, frame)?;
            }
            if !result.is_nothing() {
                results.push(result);
            }
        }
        if is_last
            && let [only] = &results[..]
            && matches!(only, Value::List(list) if !list.form.sequence)
        {
            return Ok(only.clone());
        }
        let mut flat = Vec::new();
        for result in results {
            match result {
                Value::List(list) if !list.form.one_value => {
                    self.meter.steps(list.items.len())?;
                    flat.extend_from_slice(&list.items);
                }
                other => flat.push(other),
            }
        }
        Value::sequence(flat, &mut self.meter)
    }

    /// The member of a name; of a list, those of all elements.
    pub(crate) fn lookup(&mut self, value: &Value, name: &str) -> Result<Value, Error> {
        self.meter.steps(1 + name.len() / 64)?;
        match value {
            Value::Object(object) => {
                Ok(object.members.get(name).cloned().unwrap_or(Value::Nothing))
            }
            Value::List(list) => {
                let mut found = Vec::new();
                for item in &list.items {
                    let value = self.lookup(item, name)?;
                    self.meter.steps(value.items().len())?;
                    found.extend_from_slice(value.items());
                }
                Value::sequence(found, &mut self.meter)
            }
            _ => Ok(Value::Nothing),
        }
    }

    pub(crate) fn wildcard(&mut self, input: &Value) -> Result<Value, Error> {
        let values: Vec<Value> = match input {
            Value::Object(object) => object.members.values().cloned().collect(),
            Value::List(list) => list.items.clone(),
            _ => Vec::new(),
        };
        let mut flat = Vec::new();
        for value in &values {
            self.flatten(value, &mut flat)?;
        }
        Value::sequence(flat, &mut self.meter)
    }

    fn flatten(&mut self, value: &Value, into: &mut Vec<Value>) -> Result<(), Error> {
        self.meter.steps(1)?;
        match value {
            Value::List(list) => {
                for item in &list.items {
                    self.flatten(item, into)?;
                }
            }
            other => into.push(other.clone()),
        }
        Ok(())
    }

    pub(crate) fn descendants(&mut self, input: &Value) -> Result<Value, Error> {
        let mut found = Vec::new();
        self.descend(input, &mut found)?;
        Value::sequence(found, &mut self.meter)
    }

    fn descend(&mut self, value: &Value, into: &mut Vec<Value>) -> Result<(), Error> {
        self.meter.steps(1)?;
        match value {
            Value::Nothing => return Ok(()),
            Value::List(list) => {
                for item in &list.items {
                    self.descend(item, into)?;
                }
                return Ok(());
            }
            other => into.push(other.clone()),
        }
        if let Value::Object(object) = value {
            for value in object.members.values() {
                self.descend(value, into)?;
            }
        }
        Ok(())
    }

    /// `input[predicate]`
    pub(crate) fn filter(
        &mut self,
        predicate: &Node,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        let items = input.items();
        if let Kind::Literal(Literal::Number(number)) = &predicate.kind {
            let item = index(*number, items.len()).and_then(|at| items.get(at));
            return Ok(match item {
                None => Value::sequence(Vec::new(), &mut self.meter)?,
                Some(list @ Value::List(_)) => list.clone(),
                Some(other) => Value::sequence(vec![other.clone()], &mut self.meter)?,
            });
        }
        let mut kept = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let result = self.evaluate(predicate, item, frame)?;
            let numbers = result.items();
            let is_numbers =
                !numbers.is_empty() && numbers.iter().all(|n| matches!(n, Value::Number(_)));
            if is_numbers {
                self.meter.steps(numbers.len())?;
                for number in numbers {
                    if let Value::Number(number) = number
                        && index(*number, items.len()) == Some(at)
                    {
                        kept.push(item.clone());
                    }
                }
            } else if result.is_true() {
                kept.push(item.clone());
            }
        }
        Value::sequence(kept, &mut self.meter)
    }

    pub(crate) fn range(&mut self, from: &Value, to: &Value) -> Result<Value, Error> {
        let bound = |value: &Value| match value {
            Value::Nothing => Ok(None),
            Value::Number(number) if number.fract() == 0.0 => Ok(Some(*number)),
            other => {
                let kind = other.kind();
                Err(Error::Type(format!("{kind} bounds a range, which a whole number must")))
            }
        };
        let (from, to) = (bound(from)?, bound(to)?);
        let (Some(from), Some(to)) = (from, to) else { return Ok(Value::Nothing) };
        if from > to {
            return Ok(Value::Nothing);
        }
        if to - from >= MAX_RANGE {
            return Err(Error::Memory);
        }
        let (mut number, mut items) = (from, Vec::new());
        while number <= to {
            self.meter.steps(1)?;
            items.push(Value::Number(number));
            number += 1.0;
        }
        Value::sequence(items, &mut self.meter)
    }

    pub(crate) fn sort(
        &mut self,
        input: &Value,
        terms: &[(Node, bool)],
        frame: usize,
    ) -> Result<Value, Error> {
        let items = input.items().to_vec();
        let sorted = self.merge_sort(items, &mut |evaluator, a, b| {
            for (term, descends) in terms {
                let a = evaluator.evaluate(term, a, frame)?;
                let b = evaluator.evaluate(term, b, frame)?;
                let order = match (&a, &b) {
                    (Value::Nothing, Value::Nothing) => Ordering::Equal,
                    (Value::Nothing, _) => return Ok(Ordering::Greater),
                    (_, Value::Nothing) => return Ok(Ordering::Less),
                    _ => compare(&a, &b, &mut evaluator.meter)?,
                };
                if order != Ordering::Equal {
                    return Ok(if *descends { order.reverse() } else { order });
                }
            }
            Ok(Ordering::Equal)
        })?;
        Value::sequence(sorted, &mut self.meter)
    }

    /// Stable, and able to fail.
    pub(crate) fn merge_sort(
        &mut self,
        mut items: Vec<Value>,
        order: &mut dyn FnMut(&mut Self, &Value, &Value) -> Result<Ordering, Error>,
    ) -> Result<Vec<Value>, Error> {
        if items.len() < 2 {
            return Ok(items);
        }
        self.meter.bytes(items.len() * size_of::<Value>())?;
        let right = items.split_off(items.len() / 2);
        let left = self.merge_sort(items, order)?;
        let right = self.merge_sort(right, order)?;
        let mut merged = Vec::with_capacity(left.len() + right.len());
        let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let first = order(self, a, b)?;
            merged.extend(if first == Ordering::Greater { right.next() } else { left.next() });
        }
        merged.extend(left);
        merged.extend(right);
        Ok(merged)
    }
}

/// Two numbers or two texts.
pub(crate) fn compare(a: &Value, b: &Value, meter: &mut Meter) -> Result<Ordering, Error> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Ok(a.partial_cmp(b).unwrap_or(Ordering::Equal)),
        (Value::Text(a), Value::Text(b)) => {
            meter.steps(a.len().min(b.len()) / 64)?;
            Ok(a.cmp(b))
        }
        _ => Err(Error::Type(format!("{} and {} have no order", a.kind(), b.kind()))),
    }
}

/// From the end, if it is negative.
fn index(number: f64, length: usize) -> Option<usize> {
    let number = number.floor();
    #[expect(clippy::cast_precision_loss, reason = "lists are short")]
    let number = if number < 0.0 { number + length as f64 } else { number };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what does not fit is beyond every list"
    )]
    (number >= 0.0).then_some(number as usize)
}

/// A name, for lists of names.
pub(crate) fn texts(values: &[Value]) -> impl Iterator<Item = &Rc<str>> {
    values.iter().filter_map(|value| match value {
        Value::Text(text) => Some(text),
        _ => None,
    })
}
