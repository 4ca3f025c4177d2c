//! Numbers, and sums of them.

use crate::error::{Error, wrong};
use crate::evaluate::Evaluator;
use crate::value::Value;

type Outcome = Result<Value, Error>;

fn one(arguments: &[Value], function: fn(f64) -> f64) -> Outcome {
    let Value::Number(number) = arguments[0] else { return Ok(Value::Nothing) };
    finite(function(number))
}

fn finite(number: f64) -> Outcome {
    if number.is_finite() { Ok(Value::Number(number)) } else { Err(Error::NotANumber) }
}

pub(super) fn abs(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    one(arguments, f64::abs)
}

pub(super) fn ceil(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    one(arguments, f64::ceil)
}

pub(super) fn floor(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    one(arguments, f64::floor)
}

pub(super) fn sqrt(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    one(arguments, f64::sqrt)
}

pub(super) fn power(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let [Value::Number(base), Value::Number(exponent)] = arguments else {
        return Ok(Value::Nothing);
    };
    finite(base.powf(*exponent))
}

/// Halves go to the even neighbour.
pub(super) fn round(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let Value::Number(number) = arguments[0] else { return Ok(Value::Nothing) };
    let digits = match arguments[1] {
        Value::Number(digits) if digits.abs() <= 20.0 => digits,
        Value::Number(_) => return Err(wrong("round", "more than 20 digits")),
        _ => 0.0,
    };
    let scale = 10_f64.powf(digits);
    // Decimals are meant, though they are stored as binary fractions.
    let scaled: f64 = format!("{:.14e}", number * scale).parse().unwrap_or(number * scale);
    finite(scaled.round_ties_even() / scale)
}

pub(super) fn number(_: &mut Evaluator, arguments: &[Value]) -> Outcome {
    match &arguments[0] {
        Value::Nothing => Ok(Value::Nothing),
        Value::Number(number) => Ok(Value::Number(*number)),
        Value::Bool(value) => Ok(Value::Number(f64::from(u8::from(*value)))),
        Value::Text(text) => {
            let plain = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && text.ends_with(|c: char| c.is_ascii_digit());
            let parsed = text.parse().ok().filter(|_| plain);
            parsed.map_or_else(|| Err(wrong("number", "a text that is no number")), finite)
        }
        other => Err(wrong("number", other.kind())),
    }
}

fn numbers(
    evaluator: &mut Evaluator,
    name: &str,
    value: &Value,
) -> Result<Option<Vec<f64>>, Error> {
    if value.is_nothing() {
        return Ok(None);
    }
    evaluator.meter.steps(value.items().len())?;
    let numbers = value.items().iter().map(|item| match item {
        Value::Number(number) => Ok(*number),
        other => Err(wrong(name, &format!("{} among the numbers", other.kind()))),
    });
    numbers.collect::<Result<_, _>>().map(Some)
}

pub(super) fn sum(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    match numbers(evaluator, "sum", &arguments[0])? {
        None => Ok(Value::Nothing),
        Some(numbers) => finite(numbers.iter().sum()),
    }
}

pub(super) fn average(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    match numbers(evaluator, "average", &arguments[0])? {
        Some(numbers) if !numbers.is_empty() =>
        {
            #[expect(clippy::cast_precision_loss, reason = "lists are short")]
            finite(numbers.iter().sum::<f64>() / numbers.len() as f64)
        }
        _ => Ok(Value::Nothing),
    }
}

pub(super) fn max(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let numbers = numbers(evaluator, "max", &arguments[0])?.unwrap_or_default();
    Ok(numbers.into_iter().reduce(f64::max).map_or(Value::Nothing, Value::Number))
}

pub(super) fn min(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let numbers = numbers(evaluator, "min", &arguments[0])?.unwrap_or_default();
    Ok(numbers.into_iter().reduce(f64::min).map_or(Value::Nothing, Value::Number))
}
