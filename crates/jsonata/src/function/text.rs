//! Texts. Lengths and positions are characters.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, wrong};
use crate::evaluate::Evaluator;
use crate::meter::Meter;
use crate::value::{Value, number_text};

type Outcome = Result<Value, Error>;

impl Evaluator {
    /// `$string`, which writes nothing as an empty text.
    pub(crate) fn string(&mut self, value: &Value, pretty: bool) -> Result<String, Error> {
        Ok(match value {
            Value::Nothing | Value::Function(_) => String::new(),
            Value::Text(text) => {
                self.meter.bytes(text.len())?;
                (**text).to_owned()
            }
            Value::Number(number) => number_text(*number),
            other => {
                let json = other.to_json(&mut self.meter)?.unwrap_or_default();
                let mut written = Written { text: Vec::new(), meter: &mut self.meter };
                let done = if pretty {
                    serde_json::to_writer_pretty(&mut written, &json)
                } else {
                    serde_json::to_writer(&mut written, &json)
                };
                done.map_err(|_| Error::Memory)?;
                String::from_utf8(written.text).map_err(|_| Error::Memory)?
            }
        })
    }
}

/// Escapes make six bytes of one: what is written is paid for before it is there.
struct Written<'m> {
    text: Vec<u8>,
    meter: &'m mut Meter,
}

impl Write for Written<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.meter.bytes(bytes.len()).map_err(io::Error::other)?;
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text of an argument.
macro_rules! text {
    ($value:expr) => {
        match &$value {
            Value::Text(text) => text.clone(),
            _ => return Ok(Value::Nothing),
        }
    };
}
pub(super) use text;

pub(super) fn string(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    if arguments[0].is_nothing() {
        return Ok(Value::Nothing);
    }
    let pretty = matches!(arguments[1], Value::Bool(true));
    Ok(Value::text(evaluator.string(&arguments[0], pretty)?))
}

pub(super) fn length(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    evaluator.meter.steps(text.len() / 64)?;
    #[expect(clippy::cast_precision_loss, reason = "texts are short")]
    Ok(Value::Number(text.chars().count() as f64))
}

pub(super) fn lowercase(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Value::made(&text!(arguments[0]).to_lowercase(), &mut evaluator.meter)
}

pub(super) fn uppercase(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Value::made(&text!(arguments[0]).to_uppercase(), &mut evaluator.meter)
}

/// Blanks within become one as well.
pub(super) fn trim(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    let words = text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty());
    Value::made(&words.collect::<Vec<_>>().join(" "), &mut evaluator.meter)
}

pub(super) fn substring(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    let Value::Number(start) = arguments[1] else { return Ok(Value::Nothing) };
    evaluator.meter.bytes(text.len())?;
    let characters: Vec<char> = text.chars().collect();
    #[expect(clippy::cast_precision_loss, reason = "texts are short")]
    let length = characters.len() as f64;
    let start = if start < 0.0 { (length + start).max(0.0) } else { start };
    let end = match arguments[2] {
        Value::Number(count) if count <= 0.0 => return Ok(Value::text("")),
        Value::Number(count) => (start + count).min(length),
        _ => length,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both are within the text"
    )]
    let (start, end) = (start.min(length) as usize, end.max(0.0) as usize);
    let part: String = characters.get(start..end).unwrap_or_default().iter().collect();
    Value::made(&part, &mut evaluator.meter)
}

/// Without the separator in it, the whole text.
pub(super) fn substring_before(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let (text, separator) = (text!(arguments[0]), text!(arguments[1]));
    evaluator.meter.steps(text.len() / 16)?;
    let part = text.find(&*separator).map_or(&*text, |at| &text[..at]);
    Value::made(part, &mut evaluator.meter)
}

/// As above.
pub(super) fn substring_after(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let (text, separator) = (text!(arguments[0]), text!(arguments[1]));
    evaluator.meter.steps(text.len() / 16)?;
    let part = text.find(&*separator).map_or(&*text, |at| &text[at + separator.len()..]);
    Value::made(part, &mut evaluator.meter)
}

pub(super) fn pad(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let text = text!(arguments[0]);
    let Value::Number(width) = arguments[1] else { return Ok(Value::Nothing) };
    let filler = match &arguments[2] {
        Value::Text(filler) if !filler.is_empty() => filler.clone(),
        _ => " ".into(),
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what does not fit is paid for as the most there is, which nobody can"
    )]
    let size = width.abs() as usize;
    let missing = size.saturating_sub(text.chars().count());
    evaluator.meter.bytes(missing.saturating_mul(4))?;
    let padding: String = filler.chars().cycle().take(missing).collect();
    let padded = if width < 0.0 { padding + &text } else { format!("{text}{padding}") };
    Value::made(&padded, &mut evaluator.meter)
}

pub(super) fn join(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    if arguments[0].is_nothing() {
        return Ok(Value::Nothing);
    }
    let separator = match &arguments[1] {
        Value::Text(separator) => separator.clone(),
        _ => "".into(),
    };
    let mut joined = String::new();
    for (index, item) in arguments[0].items().iter().enumerate() {
        let Value::Text(item) = item else {
            return Err(wrong("join", &format!("{} among the texts", item.kind())));
        };
        let before = if index == 0 { "" } else { &separator };
        evaluator.meter.bytes(before.len() + item.len() + 1)?;
        joined.push_str(before);
        joined.push_str(item);
    }
    Ok(Value::text(joined))
}

pub(super) fn base64_encode(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    Value::made(&STANDARD.encode(text!(arguments[0]).as_bytes()), &mut evaluator.meter)
}

pub(super) fn base64_decode(evaluator: &mut Evaluator, arguments: &[Value]) -> Outcome {
    let decoded = STANDARD.decode(text!(arguments[0]).as_bytes()).ok();
    match decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Value::made(&text, &mut evaluator.meter),
        None => Err(wrong("base64decode", "a text that is no base64 of a text")),
    }
}
