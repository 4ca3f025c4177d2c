//! JSONata (<https://docs.jsonata.org>) for expressions that strangers wrote: whatever they say,
//! evaluation ends, within bounds that are counted and not measured, and with the same result every
//! time. There is no clock, no randomness and no way out.
//!
//! ```
//! let expression = jsonata::Expression::parse("$uppercase(name) & '!'")?;
//! let result = expression.evaluate(&serde_json::json!({ "name": "ada" }))?;
//! assert_eq!(result, Some(serde_json::json!("ADA!")));
//! # Ok::<(), jsonata::Error>(())
//! ```
//!
//! What is missing is refused by [`Expression::parse`], so that nobody learns of it later: `%`, `@`
//! and `#` of paths, partial application, `$eval`, all that asks the clock or dice (`$now`,
//! `$millis`, `$random`, `$shuffle`, `$uuid`), and formats of dates and numbers. Regular
//! expressions are those of [`regex_lite`]: without look-around and back-references, and linear.
//! Members of objects are in the order of their names.
//!
//! - `lex.rs`, `parse.rs`, `combine.rs`: text to `syntax.rs`
//! - `evaluate.rs`, `path.rs`, `operator.rs`, `transform.rs`: that to a `value.rs`
//! - `meter.rs`: what an evaluation may spend; `matcher.rs`: regular expressions, paid for
//! - `function/`: what there is under `$`

#![expect(clippy::float_cmp, reason = "JSONata's numbers are compared as they are")]

mod combine;
mod error;
mod evaluate;
mod function;
mod lex;
mod matcher;
mod meter;
mod operator;
mod parse;
mod path;
mod syntax;
mod transform;
mod value;

use serde_json::Value as Json;

pub use error::Error;

/// A longer expression is not read.
pub const MAX_LENGTH: usize = 16 << 10;

/// An expression that can be evaluated.
#[derive(Clone, Debug)]
pub struct Expression {
    root: syntax::Node,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it and where, or what of the language is not there.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LENGTH {
            return Err(Error::TooLong);
        }
        let root = parse::Parser::new(text)?.whole()?;
        Ok(Self { root })
    }

    /// What the expression makes of `input`; `None` for nothing at all.
    ///
    /// # Errors
    /// What the expression does that the language does not let it do, or which bound it met.
    pub fn evaluate(&self, input: &Json) -> Result<Option<Json>, Error> {
        evaluate::Evaluator::new(input, &function::NATIVES)?.whole(&self.root)
    }
}

#[cfg(test)]
mod tests;
