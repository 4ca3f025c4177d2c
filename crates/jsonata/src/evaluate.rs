//! Trees to values.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use crate::error::{Error, wrong};
use crate::meter::Meter;
use crate::syntax::{Kind, Lambda, Literal, Node, Pairs};
use crate::value::{Form, Function, Value};

/// Keys of objects that are made: each is compared with many.
const MAX_KEY: usize = 1 << 10;

/// The state of one evaluation.
pub(crate) struct Evaluator {
    pub(crate) meter: Meter,
    /// None is freed before all are: what refers to them are numbers.
    frames: Vec<Frame>,
    pub(crate) root: Value,
    natives: &'static [Native],
}

struct Frame {
    parent: Option<usize>,
    names: Vec<(Rc<str>, Value)>,
}

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
    run: Run,
}

type Run = fn(&mut Evaluator, &[Value]) -> Result<Value, Error>;

impl Native {
    pub(crate) const fn of(name: &'static str, arguments: &'static str, run: Run) -> Self {
        Self { name, arguments, context: false, run }
    }

    pub(crate) const fn in_context(name: &'static str, arguments: &'static str, run: Run) -> Self {
        Self { name, arguments, context: true, run }
    }

    /// How many arguments it is given by a function that calls functions.
    fn takes(&self) -> usize {
        if self.arguments.is_empty() { usize::MAX } else { self.needs().max(1) }
    }

    fn needs(&self) -> usize {
        self.arguments.chars().filter(|letter| !letter.is_uppercase()).count()
    }

    /// Fills in what was left out, and checks what was not.
    fn complete(&self, arguments: &mut Vec<Value>, context: &Value) -> Result<(), Error> {
        if self.arguments.is_empty() {
            return Ok(());
        }
        let needed = self.needs();
        if self.context && arguments.len() < needed && arguments.len() + 1 >= needed {
            arguments.insert(0, context.clone());
        }
        if arguments.len() > self.arguments.len() {
            return Err(wrong(self.name, "too many arguments"));
        }
        if arguments.len() < needed {
            return Err(wrong(self.name, "too few arguments"));
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
                return Err(wrong(self.name, &format!("{} where there may be none", value.kind())));
            }
        }
        while arguments.len() < self.arguments.len() {
            arguments.push(Value::Nothing);
        }
        Ok(())
    }
}

impl Evaluator {
    pub(crate) fn new(input: &Json, natives: &'static [Native]) -> Result<Self, Error> {
        let mut meter = Meter::new();
        let root = Value::from_json(input, &mut meter)?;
        let frames = vec![Frame { parent: None, names: Vec::new() }];
        Ok(Self { meter, frames, root, natives })
    }

    pub(crate) fn whole(&mut self, node: &Node) -> Result<Option<Json>, Error> {
        let root = self.root.clone();
        self.evaluate(node, &root, 0)?.to_json(&mut self.meter)
    }

    pub(crate) fn evaluate(
        &mut self,
        node: &Node,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        self.meter.enter()?;
        let mut result = self.bare(node, input, frame)?;
        for predicate in &node.predicates {
            result = self.filter(predicate, &result, frame)?;
        }
        if let Some(pairs) = &node.group {
            result = self.object(pairs, &result, frame)?;
        }
        self.meter.leave();
        let Value::List(list) = &result else { return Ok(result) };
        if !list.form.sequence {
            return Ok(result);
        }
        Ok(match &list.items[..] {
            [] => Value::Nothing,
            [only] if !node.keep_list && !list.form.keep => only.clone(),
            _ => result,
        })
    }

    fn bare(&mut self, node: &Node, input: &Value, frame: usize) -> Result<Value, Error> {
        match &node.kind {
            Kind::Literal(literal) => Ok(match literal {
                Literal::Null => Value::Null,
                Literal::Bool(value) => Value::Bool(*value),
                Literal::Number(number) => Value::Number(*number),
                Literal::Text(text) => Value::Text(text.clone()),
            }),
            Kind::Name(name) => self.lookup(input, name),
            Kind::Variable(name) => Ok(match &**name {
                "" => input.clone(),
                "$" => self.root.clone(),
                name => self.variable(name, frame)?,
            }),
            Kind::Wildcard => self.wildcard(input),
            Kind::Descendants => self.descendants(input),
            Kind::Path { steps, keep_list } => self.path(steps, *keep_list, input, frame),
            Kind::Regex(regex) => Ok(Value::function(Function::Regex(regex.clone()))),
            Kind::Negative(operand) => match self.evaluate(operand, input, frame)? {
                Value::Nothing => Ok(Value::Nothing),
                Value::Number(number) => Ok(Value::Number(-number)),
                other => Err(Error::Type(format!("{} has no negative", other.kind()))),
            },
            Kind::List(nodes) => self.list(nodes, node.one_value, input, frame),
            Kind::Range(from, to) => {
                let from = self.evaluate(from, input, frame)?;
                let to = self.evaluate(to, input, frame)?;
                self.range(&from, &to)
            }
            Kind::Object(pairs) => self.object(pairs, input, frame),
            Kind::Binary(operator, left, right) => {
                self.binary(*operator, left, right, input, frame)
            }
            Kind::Condition(condition, then, other) => {
                if self.evaluate(condition, input, frame)?.is_true() {
                    return self.evaluate(then, input, frame);
                }
                match other {
                    Some(other) => self.evaluate(other, input, frame),
                    None => Ok(Value::Nothing),
                }
            }
            Kind::Default { if_true, value, other } => {
                let value = self.evaluate(value, input, frame)?;
                let counts = if *if_true { value.is_true() } else { !value.is_nothing() };
                if counts { Ok(value) } else { self.evaluate(other, input, frame) }
            }
            Kind::Block(nodes) => {
                let frame = self.frame(frame, Vec::new())?;
                let mut result = Value::Nothing;
                for node in nodes {
                    result = self.evaluate(node, input, frame)?;
                }
                Ok(result)
            }
            Kind::Bind(name, value) => {
                let value = self.evaluate(value, input, frame)?;
                self.bind(frame, name, value.clone())?;
                Ok(value)
            }
            Kind::Chain(left, right) => self.chain(left, right, input, frame),
            Kind::Call(function, arguments) => self.call(function, arguments, None, input, frame),
            Kind::Lambda(lambda) => {
                let (lambda, input) = (lambda.clone(), input.clone());
                let depth = Value::depth_around([&input])?;
                Ok(Value::function(Function::Lambda { lambda, frame, input, depth }))
            }
            Kind::Sort(terms) => self.sort(input, terms, frame),
            Kind::Transform(transform) => {
                Ok(Value::function(Function::Transform { transform: transform.clone(), frame }))
            }
        }
    }

    fn list(
        &mut self,
        nodes: &[Node],
        one_value: bool,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        let mut items = Vec::new();
        for node in nodes {
            let value = self.evaluate(node, input, frame)?;
            if node.is_list() {
                items.push(value);
            } else {
                self.meter.steps(value.items().len())?;
                items.extend_from_slice(value.items());
            }
        }
        Value::list_as(items, Form { one_value, ..Form::default() }, &mut self.meter)
    }

    /// An object of each value's keys, in which values of the same key are one list.
    fn object(&mut self, pairs: &Pairs, input: &Value, frame: usize) -> Result<Value, Error> {
        let mut groups: BTreeMap<Rc<str>, (usize, Vec<Value>, bool)> = BTreeMap::new();
        let nothing = [Value::Nothing];
        let items = if input.items().is_empty() { &nothing } else { input.items() };
        for item in items {
            for (index, (key, _)) in pairs.iter().enumerate() {
                let key = match self.evaluate(key, item, frame)? {
                    Value::Nothing => continue,
                    Value::Text(key) if key.len() <= MAX_KEY => key,
                    Value::Text(_) => {
                        let message = format!("a key of an object is longer than {MAX_KEY} bytes");
                        return Err(Error::Type(message));
                    }
                    other => {
                        let kind = other.kind();
                        return Err(Error::Type(format!("a key of an object is {kind}")));
                    }
                };
                self.meter.bytes(size_of::<Value>() * 2)?;
                let group = groups.entry(key).or_insert((index, Vec::new(), false));
                if group.0 != index {
                    return Err(Error::Type("an object has one key twice".to_owned()));
                }
                group.2 |= !group.1.is_empty();
                group.1.extend_from_slice(item.items());
                self.meter.steps(item.items().len())?;
            }
        }
        let mut members = BTreeMap::new();
        for (key, (index, mut values, several)) in groups {
            let single = values.len() == 1 && !several;
            let data = match values.pop() {
                None => Value::Nothing,
                Some(only) if single => only,
                Some(last) => {
                    values.push(last);
                    Value::sequence(values, &mut self.meter)?
                }
            };
            let value = self.evaluate(&pairs[index].1, &data, frame)?;
            if !value.is_nothing() {
                members.insert(key, value);
            }
        }
        Value::object(members, &mut self.meter)
    }

    fn variable(&mut self, name: &str, mut frame: usize) -> Result<Value, Error> {
        loop {
            let Frame { parent, names } = &self.frames[frame];
            self.meter.steps(names.len())?;
            if let Some((_, value)) = names.iter().rev().find(|(bound, _)| **bound == *name) {
                return Ok(value.clone());
            }
            match parent {
                Some(parent) => frame = *parent,
                None => break,
            }
        }
        let native = self.native(name).map(|native| Function::Native(native.name));
        Ok(native.map_or(Value::Nothing, Value::function))
    }

    fn native(&self, name: &str) -> Option<&'static Native> {
        self.natives.iter().find(|native| native.name == name)
    }

    fn frame(&mut self, parent: usize, names: Vec<(Rc<str>, Value)>) -> Result<usize, Error> {
        self.meter.bytes(size_of::<Frame>() + names.len() * 48)?;
        self.frames.push(Frame { parent: Some(parent), names });
        Ok(self.frames.len() - 1)
    }

    fn bind(&mut self, frame: usize, name: &Rc<str>, value: Value) -> Result<(), Error> {
        let names = &mut self.frames[frame].names;
        self.meter.steps(names.len())?;
        if let Some((_, bound)) = names.iter_mut().find(|(bound, _)| bound == name) {
            *bound = value;
        } else {
            self.meter.bytes(48)?;
            names.push((name.clone(), value));
        }
        Ok(())
    }

    /// `left ~> right`
    fn chain(
        &mut self,
        left: &Node,
        right: &Node,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        let value = self.evaluate(left, input, frame)?;
        if let Kind::Call(function, arguments) = &right.kind
            && right.predicates.is_empty()
        {
            return self.call(function, arguments, Some(value), input, frame);
        }
        let function = self.evaluate(right, input, frame)?;
        if !function.is_function() {
            let kind = function.kind();
            return Err(Error::Type(format!("~> goes to {kind}, which is no function")));
        }
        if value.is_function() {
            let depth = Value::depth_around([&value, &function])?;
            return Ok(Value::function(Function::Composed(value, function, depth)));
        }
        self.apply(&function, vec![value], input)
    }

    fn call(
        &mut self,
        function: &Node,
        arguments: &[Node],
        first: Option<Value>,
        input: &Value,
        frame: usize,
    ) -> Result<Value, Error> {
        let mut values: Vec<Value> = first.into_iter().collect();
        for argument in arguments {
            values.push(self.evaluate(argument, input, frame)?);
        }
        let function = self.evaluate(function, input, frame)?;
        self.apply(&function, values, input)
    }

    /// Calls a function. `context` stands for an argument that is left out.
    pub(crate) fn apply(
        &mut self,
        function: &Value,
        mut arguments: Vec<Value>,
        context: &Value,
    ) -> Result<Value, Error> {
        let Value::Function(called) = function else {
            return Err(Error::Type(format!("{} is called like a function", function.kind())));
        };
        self.meter.enter()?;
        let result = match &**called {
            Function::Native(name) => {
                let native = self.native(name).ok_or_else(|| wrong(name, "is not there"))?;
                native.complete(&mut arguments, context)?;
                (native.run)(self, &arguments)?
            }
            Function::Lambda { lambda, frame, input, .. } => {
                let Lambda { parameters, body } = &**lambda;
                let mut given = arguments.into_iter();
                let bound = |name: &Rc<str>| (name.clone(), given.next().unwrap_or(Value::Nothing));
                let names = parameters.iter().map(bound).collect();
                let frame = self.frame(*frame, names)?;
                self.evaluate(body, input, frame)?
            }
            Function::Transform { transform, frame } => {
                let value = arguments.into_iter().next().unwrap_or(Value::Nothing);
                self.transform(transform, *frame, &value)?
            }
            Function::Regex(regex) => {
                let value = arguments.into_iter().next().unwrap_or(Value::Nothing);
                self.first_match(regex, &value)?
            }
            Function::Composed(first, second, _) => {
                let value = self.apply(first, arguments, context)?;
                self.apply(second, vec![value], context)?
            }
        };
        self.meter.leave();
        Ok(result)
    }

    /// Calls a function with as many of the arguments as it takes.
    pub(crate) fn apply_up_to(
        &mut self,
        function: &Value,
        arguments: &[&Value],
    ) -> Result<Value, Error> {
        let takes = match function {
            Value::Function(function) => match &**function {
                Function::Native(name) => self.native(name).map_or(1, Native::takes),
                Function::Lambda { lambda, .. } => lambda.parameters.len(),
                _ => 1,
            },
            _ => 1,
        };
        let arguments = arguments.iter().take(takes).map(|&value| value.clone()).collect();
        self.apply(function, arguments, &Value::Nothing)
    }
}
