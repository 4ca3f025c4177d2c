//! Operators of two operands.

use std::cmp::Ordering;

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::meter::Meter;
use crate::path::compare;
use crate::syntax::{Node, Operator};
use crate::value::Value;

impl Evaluator {
    pub(crate) fn binary(
        &mut self,
        operator: Operator,
        left: &Node,
        right: &Node,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        let left = self.evaluate(left, input, frame)?;
        // The other side need not be evaluated.
        match operator {
            Operator::And if !left.is_true() => return Ok(Value::Bool(false)),
            Operator::Or if left.is_true() => return Ok(Value::Bool(true)),
            _ => {}
        }
        let right = self.evaluate(right, input, frame)?;
        let there = !left.is_nothing() && !right.is_nothing();
        match operator {
            Operator::And | Operator::Or => Ok(Value::Bool(right.is_true())),
            Operator::Equal => Ok(Value::Bool(there && left.equals(&right, &mut self.meter)?)),
            Operator::NotEqual => Ok(Value::Bool(there && !left.equals(&right, &mut self.meter)?)),
            Operator::In => {
                for item in right.items() {
                    if there && item.equals(&left, &mut self.meter)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            Operator::Concatenate => {
                let left = self.string(&left, false)?;
                let right = self.string(&right, false)?;
                Value::made(&(left + &right), &mut self.meter)
            }
            Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => ordered(operator, &left, &right, &mut self.meter),
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulo => arithmetic(operator, &left, &right),
        }
    }
}

fn ordered(
    operator: Operator,
    left: &Value,
    right: &Value,
    meter: &mut Meter,
) -> Result<Value, Error> {
    for side in [left, right] {
        if !matches!(side, Value::Nothing | Value::Number(_) | Value::Text(_)) {
            return Err(Error::Type(format!("{} has no order", side.kind())));
        }
    }
    if left.is_nothing() || right.is_nothing() {
        return Ok(Value::Nothing);
    }
    let order = compare(left, right, meter)?;
    Ok(Value::Bool(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, Error> {
    let number = |value: &Value| match value {
        Value::Nothing => Ok(None),
        Value::Number(number) => Ok(Some(*number)),
        other => Err(Error::Type(format!("{} is no number to calculate with", other.kind()))),
    };
    let (left, right) = (number(left)?, number(right)?);
    let (Some(left), Some(right)) = (left, right) else { return Ok(Value::Nothing) };
    let result = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        _ => left % right,
    };
    if result.is_finite() { Ok(Value::Number(result)) } else { Err(Error::NotANumber) }
}
