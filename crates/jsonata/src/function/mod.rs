//! What there is under `$`.
//!
//! - `text.rs`, `pattern.rs`: texts, and regular expressions held against them
//! - `number.rs`: numbers, and sums of them
//! - `list.rs`, `object.rs`: what is made of others
//! - `higher.rs`: functions that call functions

mod higher;
#[expect(clippy::unnecessary_wraps, reason = "all have the type of `Run`")]
mod list;
mod number;
#[expect(clippy::unnecessary_wraps, reason = "all have the type of `Run`")]
mod object;
mod pattern;
mod text;

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::value::Value;

/// A function and how it is called.
#[derive(Debug)]
pub(crate) struct Native {
    pub(crate) name: &'static str,
    /// One letter for each argument, as in JSONata's own signatures: `s` text, `n` number, `b`
    /// boolean, `a` list, `o` object, `f` function, `j` or `x` anything. A capital one may be left
    /// out.
    arguments: &'static str,
    /// Whether the context stands for the first one, if that is left out.
    context: bool,
    pub(crate) run: Run,
}

pub(crate) type Run = fn(&mut Evaluator, &[Value]) -> Result<Value, Error>;

const fn of(name: &'static str, arguments: &'static str, run: Run) -> Native {
    Native { name, arguments, context: false, run }
}

const fn in_context(name: &'static str, arguments: &'static str, run: Run) -> Native {
    Native { name, arguments, context: true, run }
}

/// By name.
static NATIVES: [Native; 48] = [
    in_context("abs", "n", number::abs),
    of("append", "jj", list::append),
    of("assert", "bS", object::assert),
    of("average", "a", number::average),
    in_context("base64decode", "s", text::base64_decode),
    in_context("base64encode", "s", text::base64_encode),
    in_context("boolean", "j", object::boolean),
    in_context("ceil", "n", number::ceil),
    in_context("contains", "sx", pattern::contains),
    of("count", "a", list::count),
    of("distinct", "j", list::distinct),
    in_context("each", "of", higher::each),
    of("error", "S", object::error),
    of("exists", "j", object::exists),
    of("filter", "af", higher::filter),
    in_context("floor", "n", number::floor),
    of("join", "aS", text::join),
    in_context("keys", "j", object::keys),
    in_context("length", "s", text::length),
    in_context("lookup", "js", object::lookup),
    in_context("lowercase", "s", text::lowercase),
    of("map", "af", higher::map),
    in_context("match", "sfN", pattern::r#match),
    of("max", "a", number::max),
    of("merge", "a", object::merge),
    of("min", "a", number::min),
    in_context("not", "j", object::not),
    in_context("number", "j", number::number),
    in_context("pad", "snS", text::pad),
    in_context("power", "nn", number::power),
    of("reduce", "afJ", higher::reduce),
    in_context("replace", "sxxN", pattern::replace),
    of("reverse", "a", list::reverse),
    in_context("round", "nN", number::round),
    in_context("sift", "of", higher::sift),
    of("single", "aF", higher::single),
    of("sort", "aF", higher::sort),
    in_context("split", "sxN", pattern::split),
    in_context("spread", "j", object::spread),
    in_context("sqrt", "n", number::sqrt),
    in_context("string", "jB", text::string),
    in_context("substring", "snN", text::substring),
    in_context("substringAfter", "ss", text::substring_after),
    in_context("substringBefore", "ss", text::substring_before),
    of("sum", "a", number::sum),
    in_context("trim", "s", text::trim),
    in_context("type", "j", object::r#type),
    in_context("uppercase", "s", text::uppercase),
];

/// `$zip` takes as many as there are.
static ZIP: Native = of("zip", "", list::zip);

pub(crate) fn find(name: &str) -> Option<&'static Native> {
    let found = NATIVES.iter().find(|native| native.name == name);
    found.or_else(|| (name == ZIP.name).then_some(&ZIP))
}

impl Native {
    /// How many arguments it is given by a function that calls functions.
    pub(crate) fn takes(&self) -> usize {
        if self.arguments.is_empty() { usize::MAX } else { self.needs().max(1) }
    }

    fn needs(&self) -> usize {
        self.arguments.chars().filter(|letter| !letter.is_uppercase()).count()
    }

    /// Fills in what was left out, and checks what was not.
    pub(crate) fn complete(
        &self,
        arguments: &mut Vec<Value>,
        context: &Value,
    ) -> Result<(), Error> {
        if self.arguments.is_empty() {
            return Ok(());
        }
        let needed = self.needs();
        if self.context && arguments.len() < needed && arguments.len() + 1 >= needed {
            arguments.insert(0, context.clone());
        }
        if arguments.len() > self.arguments.len() {
            return Err(self.wrong("too many arguments"));
        }
        if arguments.len() < needed {
            return Err(self.wrong("too few arguments"));
        }
        for (letter, value) in self.arguments.chars().zip(arguments.iter()) {
            let fits = match (letter.to_ascii_lowercase(), value) {
                // Nothing makes nothing, in whatever function.
                (_, Value::Nothing)
                | ('j' | 'x' | 'a', _)
                | ('s', Value::Text(_))
                | ('n', Value::Number(_))
                | ('b', Value::Bool(_))
                | ('o', Value::Object(_))
                | ('f', Value::Function(_)) => true,
                _ => false,
            };
            if !fits {
                return Err(self.wrong(&format!("{} where there may be none", value.kind())));
            }
        }
        while arguments.len() < self.arguments.len() {
            arguments.push(Value::Nothing);
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Error {
        Error::Type(format!("${}: {what}", self.name))
    }
}

/// A wrong argument that only its function knows to be wrong.
fn wrong(name: &str, what: &str) -> Error {
    Error::Type(format!("${name}: {what}"))
}
