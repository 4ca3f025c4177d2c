//! What expressions are about: JSON, functions, and nothing.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Number, Value as Json};

use crate::error::Error;
use crate::matcher::Matcher;
use crate::meter::Meter;
use crate::syntax::{Lambda, Transform};

/// Values inside one another. They are dropped and written by functions that call themselves.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Not there.
    Nothing,
    Null,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
    List(Rc<List>),
    Object(Rc<Object>),
    Function(Rc<Function>),
}

/// Values in order.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) items: Vec<Value>,
    pub(crate) form: Form,
    depth: usize,
    /// Whether one of them is: a list can be in many places of others, so nobody looks twice.
    is_true: bool,
}

/// What a list stands for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    /// The result of a path, in which a single value stands for itself.
    pub(crate) sequence: bool,
    /// Not even then.
    pub(crate) keep: bool,
    /// Made as a step of a path: it is one value.
    pub(crate) one_value: bool,
}

/// Members by name.
#[derive(Debug, Default)]
pub(crate) struct Object {
    pub(crate) members: BTreeMap<Rc<str>, Value>,
    depth: usize,
}

#[derive(Debug)]
pub(crate) enum Function {
    /// By name.
    Native(&'static str),
    Lambda {
        lambda: Rc<Lambda>,
        /// Where its variables are.
        frame: usize,
        input: Value,
        depth: usize,
    },
    Transform {
        transform: Rc<Transform>,
        frame: usize,
    },
    Regex(Rc<Matcher>),
    /// The first, then the second.
    Composed(Value, Value, usize),
}

impl Value {
    pub(crate) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    pub(crate) fn is_function(&self) -> bool {
        matches!(self, Self::Function(_))
    }

    /// In words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Function(_) => "a function",
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::List(list) => list.depth,
            Self::Object(object) => object.depth,
            Self::Function(function) => match &**function {
                Function::Lambda { depth, .. } | Function::Composed(_, _, depth) => *depth,
                _ => 0,
            },
            _ => 0,
        }
    }

    /// One more around these.
    pub(crate) fn depth_around<'a>(
        values: impl IntoIterator<Item = &'a Self>,
    ) -> Result<usize, Error> {
        let depth = 1 + values.into_iter().map(Self::depth).max().unwrap_or(0);
        if depth > MAX_DEPTH { Err(Error::Depth) } else { Ok(depth) }
    }

    /// A list of its own.
    pub(crate) fn list(items: Vec<Self>, meter: &mut Meter) -> Result<Self, Error> {
        Self::list_as(items, Form::default(), meter)
    }

    /// The result of a path.
    pub(crate) fn sequence(items: Vec<Self>, meter: &mut Meter) -> Result<Self, Error> {
        Self::list_as(items, Form { sequence: true, ..Form::default() }, meter)
    }

    pub(crate) fn list_as(items: Vec<Self>, form: Form, meter: &mut Meter) -> Result<Self, Error> {
        meter.bytes(items.len() * size_of::<Self>() + size_of::<List>())?;
        let depth = Self::depth_around(&items)?;
        let is_true = items.iter().any(Self::is_true);
        Ok(Self::List(Rc::new(List { items, form, depth, is_true })))
    }

    pub(crate) fn object(
        members: BTreeMap<Rc<str>, Self>,
        meter: &mut Meter,
    ) -> Result<Self, Error> {
        meter.bytes((members.len() + 1) * 2 * size_of::<Self>())?;
        let depth = Self::depth_around(members.values())?;
        Ok(Self::Object(Rc::new(Object { members, depth })))
    }

    pub(crate) fn function(function: Function) -> Self {
        Self::Function(Rc::new(function))
    }

    /// A text that was made.
    pub(crate) fn made(text: &str, meter: &mut Meter) -> Result<Self, Error> {
        meter.bytes(text.len())?;
        Ok(Self::text(text))
    }

    /// The elements of a list, or the value itself, or nothing.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Nothing => &[],
            Self::List(list) => &list.items,
            other => std::slice::from_ref(other),
        }
    }

    /// `$boolean`
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nothing | Self::Null | Self::Function(_) => false,
            Self::Bool(value) => *value,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Object(object) => !object.members.is_empty(),
            Self::List(list) => list.is_true,
        }
    }

    /// Deep, and paid for.
    pub(crate) fn equals(&self, other: &Self, meter: &mut Meter) -> Result<bool, Error> {
        meter.steps(1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => {
                meter.steps(a.len().min(b.len()) / 64)?;
                a == b
            }
            (Self::List(a), Self::List(b)) => {
                if a.items.len() != b.items.len() {
                    return Ok(false);
                }
                for (a, b) in a.items.iter().zip(&b.items) {
                    if !a.equals(b, meter)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Object(a), Self::Object(b)) => {
                if a.members.len() != b.members.len() {
                    return Ok(false);
                }
                for ((name, a), (other, b)) in a.members.iter().zip(&b.members) {
                    if name != other || !a.equals(b, meter)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Function(a), Self::Function(b)) => Rc::ptr_eq(a, b),
            _ => false,
        })
    }

    pub(crate) fn from_json(json: &Json, meter: &mut Meter) -> Result<Self, Error> {
        meter.enter()?;
        let value = match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::Number(number.as_f64().ok_or(Error::NotANumber)?),
            Json::String(text) => Self::made(text, meter)?,
            Json::Array(items) => {
                let items = items.iter().map(|item| Self::from_json(item, meter));
                let items = items.collect::<Result<_, _>>()?;
                Self::list(items, meter)?
            }
            Json::Object(members) => {
                let mut object = BTreeMap::new();
                for (name, value) in members {
                    meter.bytes(name.len())?;
                    object.insert(Rc::from(name.as_str()), Self::from_json(value, meter)?);
                }
                Self::object(object, meter)?
            }
        };
        meter.leave();
        Ok(value)
    }

    /// Without what JSON does not have: a function becomes an empty text, as in `$string`.
    pub(crate) fn to_json(&self, meter: &mut Meter) -> Result<Option<Json>, Error> {
        meter.steps(1)?;
        Ok(Some(match self {
            Self::Nothing => return Ok(None),
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Number(value) => number(*value),
            Self::Text(text) => {
                meter.bytes(text.len())?;
                Json::String((**text).to_owned())
            }
            Self::Function(_) => Json::String(String::new()),
            Self::List(list) => {
                let items = list.items.iter().filter_map(|item| item.to_json(meter).transpose());
                Json::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(object) => {
                let mut members = Map::new();
                for (name, value) in &object.members {
                    meter.bytes(name.len())?;
                    if let Some(value) = value.to_json(meter)? {
                        members.insert((**name).to_owned(), value);
                    }
                }
                Json::Object(members)
            }
        }))
    }
}

/// Whole numbers without a point, others by 15 digits, as JSONata writes them.
fn number(value: f64) -> Json {
    let value = format!("{value:.14e}").parse().unwrap_or(value);
    if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_991.0 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        return Json::Number((value as i64).into());
    }
    Number::from_f64(value).map_or(Json::Null, Json::Number)
}

/// As JSONata writes a number.
pub(crate) fn number_text(value: f64) -> String {
    let value: f64 = format!("{value:.14e}").parse().unwrap_or(value);
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return text.replace('e', if size < 1.0 { "e" } else { "e+" });
    }
    if value == 0.0 { "0".to_owned() } else { value.to_string() }
}
