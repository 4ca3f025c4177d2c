//! Words to a tree, by binding powers.

use std::rc::Rc;

use crate::combine;
use crate::error::Error;
use crate::function::exists;
use crate::lex::{Lexer, Token, syntax};
use crate::syntax::{Kind, Lambda, Literal, Node, Operator, Pairs, Transform};

/// Nodes inside one another. What evaluates and drops them calls itself.
const MAX_DEPTH: usize = 100;

/// Brackets and operands inside one another. What reads them calls itself, and needs more stack.
const MAX_NESTED: usize = 60;

/// What JSONata has under `$` and we have not.
const ABSENT: [&str; 19] = [
    "now",
    "millis",
    "random",
    "shuffle",
    "uuid",
    "eval",
    "clone",
    "fromMillis",
    "toMillis",
    "formatNumber",
    "formatBase",
    "formatInteger",
    "parseInteger",
    "encodeUrl",
    "encodeUrlComponent",
    "decodeUrl",
    "decodeUrlComponent",
    "formatDate",
    "parseDate",
];

pub(crate) struct Parser<'a> {
    lexer: Lexer<'a>,
    at: usize,
    token: Token,
    depth: usize,
    /// Names that the expression gives values to.
    bound: Vec<Rc<str>>,
    called: Vec<(usize, Rc<str>)>,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(text: &'a str) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text);
        let (at, token) = lexer.next(true)?;
        Ok(Self { lexer, at, token, depth: 0, bound: Vec::new(), called: Vec::new() })
    }

    /// One expression, and nothing behind it.
    pub(crate) fn whole(mut self) -> Result<Node, Error> {
        let root = self.expression(0)?;
        if !matches!(self.token, Token::End) {
            return Err(self.unexpected("the end"));
        }
        for (at, name) in &self.called {
            if !self.bound.contains(name) && !exists(name) {
                return Err(syntax(*at, &format!("there is no function ${name}")));
            }
        }
        Ok(root)
    }

    fn advance(&mut self, value_is_due: bool) -> Result<(), Error> {
        (self.at, self.token) = self.lexer.next(value_is_due)?;
        Ok(())
    }

    fn is(&self, operator: &str) -> bool {
        matches!(self.token, Token::Operator(found) if found == operator)
    }

    /// Goes past an operator that must stand here.
    fn expect(&mut self, operator: &'static str, value_is_due: bool) -> Result<(), Error> {
        if !self.is(operator) {
            return Err(self.unexpected(operator));
        }
        self.advance(value_is_due)
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found = match &self.token {
            Token::End => "the end".to_owned(),
            Token::Operator(operator) => format!("`{operator}`"),
            Token::Name(name) | Token::QuotedName(name) => format!("`{name}`"),
            Token::Variable(name) => format!("`${name}`"),
            Token::Text(_) => "a text".to_owned(),
            Token::Number(_) => "a number".to_owned(),
            Token::Regex(_) => "a regular expression".to_owned(),
        };
        syntax(self.at, &format!("{found} where {expected} is expected"))
    }

    fn unsupported(&self, what: &str) -> Error {
        Error::Unsupported { at: self.at, what: what.to_owned() }
    }

    fn checked(node: Node) -> Result<Node, Error> {
        if node.depth > MAX_DEPTH { Err(Error::Depth) } else { Ok(node) }
    }

    /// What binds tighter than `power`.
    fn expression(&mut self, power: u8) -> Result<Node, Error> {
        self.depth += 1;
        if self.depth > MAX_NESTED {
            return Err(Error::Depth);
        }
        let mut left = Self::checked(self.prefix()?)?;
        while self.power() > power {
            left = Self::checked(self.infix(left)?)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// How tight the word here binds what is before it.
    fn power(&self) -> u8 {
        match &self.token {
            Token::Name(name) => match &**name {
                "and" => 30,
                "or" => 25,
                "in" => 40,
                _ => 0,
            },
            Token::Operator(operator) => match *operator {
                "[" | "(" | "@" | "#" => 80,
                "." => 75,
                "{" => 70,
                "*" | "/" | "%" => 60,
                "+" | "-" | "&" => 50,
                "=" | "!=" | "<" | "<=" | ">" | ">=" | "^" | "~>" | "?:" | "??" => 40,
                "?" | ".." => 20,
                ":=" => 10,
                _ => 0,
            },
            _ => 0,
        }
    }

    fn prefix(&mut self) -> Result<Node, Error> {
        let (at, token) = (self.at, self.token.clone());
        if let Token::Operator(operator) = token {
            return self.prefix_operator(operator);
        }
        self.advance(false)?;
        let literal = |value| Ok(Node::new(Kind::Literal(value)));
        match token {
            Token::Text(text) => literal(Literal::Text(text)),
            Token::Number(number) => literal(Literal::Number(number)),
            Token::Regex(regex) => Ok(Node::new(Kind::Regex(regex))),
            Token::QuotedName(name) => Ok(combine::name(name)),
            Token::Variable(name) => {
                if ABSENT.contains(&&*name) && !self.bound.contains(&name) {
                    return Err(Error::Unsupported { at, what: format!("${name}") });
                }
                Ok(Node::new(Kind::Variable(name)))
            }
            Token::Name(name) => match &*name {
                "true" => literal(Literal::Bool(true)),
                "false" => literal(Literal::Bool(false)),
                "null" => literal(Literal::Null),
                "function" | "λ" if self.is("(") => self.lambda(),
                _ => Ok(combine::name(name)),
            },
            Token::Operator(_) | Token::End => Err(syntax(at, "the expression is not complete")),
        }
    }

    fn prefix_operator(&mut self, operator: &'static str) -> Result<Node, Error> {
        match operator {
            "*" | "**" => {
                self.advance(false)?;
                let all = operator == "*";
                Ok(Node::new(if all { Kind::Wildcard } else { Kind::Descendants }))
            }
            "-" => {
                self.advance(true)?;
                let operand = self.expression(70)?;
                Ok(match operand.kind {
                    Kind::Literal(Literal::Number(number)) => {
                        Node::new(Kind::Literal(Literal::Number(-number)))
                    }
                    _ => Node::new(Kind::Negative(Box::new(operand))),
                })
            }
            "(" => {
                self.advance(true)?;
                let mut nodes = Vec::new();
                while !self.is(")") {
                    nodes.push(self.expression(0)?);
                    if !self.is(";") {
                        break;
                    }
                    self.advance(true)?;
                }
                self.expect(")", false)?;
                Ok(Node::new(Kind::Block(nodes)))
            }
            "[" => self.list(),
            "{" => {
                let pairs = self.pairs()?;
                Ok(Node::new(Kind::Object(Rc::new(pairs))))
            }
            "|" => self.transform(),
            "%" => Err(self.unsupported("the parent operator %")),
            "?" => Err(self.unsupported("partial application")),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn list(&mut self) -> Result<Node, Error> {
        self.advance(true)?;
        let mut nodes = Vec::new();
        while !self.is("]") {
            let mut node = self.expression(20)?;
            if self.is("..") {
                self.advance(true)?;
                let to = self.expression(20)?;
                node = Node::new(Kind::Range(Box::new(node), Box::new(to)));
            }
            nodes.push(node);
            if !self.is(",") {
                break;
            }
            self.advance(true)?;
        }
        self.expect("]", false)?;
        Ok(Node::new(Kind::List(nodes)))
    }

    /// From `{` to `}`.
    fn pairs(&mut self) -> Result<Pairs, Error> {
        self.advance(true)?;
        let mut pairs = Vec::new();
        while !self.is("}") {
            let key = self.expression(0)?;
            self.expect(":", true)?;
            pairs.push((key, self.expression(0)?));
            if !self.is(",") {
                break;
            }
            self.advance(true)?;
        }
        self.expect("}", false)?;
        Ok(pairs)
    }

    fn transform(&mut self) -> Result<Node, Error> {
        self.advance(true)?;
        let pattern = self.expression(0)?;
        self.expect("|", true)?;
        let update = self.expression(0)?;
        let mut delete = None;
        if self.is(",") {
            self.advance(true)?;
            delete = Some(self.expression(0)?);
        }
        self.expect("|", false)?;
        Ok(Node::new(Kind::Transform(Rc::new(Transform { pattern, update, delete }))))
    }

    fn lambda(&mut self) -> Result<Node, Error> {
        self.advance(true)?;
        let mut parameters = Vec::new();
        while !self.is(")") {
            let Token::Variable(name) = self.token.clone() else {
                return Err(self.unexpected("a parameter as $name"));
            };
            parameters.push(name);
            self.advance(false)?;
            if !self.is(",") {
                break;
            }
            self.advance(true)?;
        }
        self.expect(")", false)?;
        if self.is("<") {
            return Err(self.unsupported("the signature of a function"));
        }
        self.bound.extend(parameters.iter().cloned());
        self.expect("{", true)?;
        let body = self.expression(0)?;
        self.expect("}", false)?;
        Ok(Node::new(Kind::Lambda(Rc::new(Lambda { parameters, body }))))
    }

    fn infix(&mut self, left: Node) -> Result<Node, Error> {
        let (at, power) = (self.at, self.power());
        let operator = match &self.token {
            Token::Operator(operator) => *operator,
            Token::Name(name) if &**name == "and" => "and",
            Token::Name(name) if &**name == "or" => "or",
            _ => "in",
        };
        match operator {
            "[" => return self.predicate(left),
            "{" => {
                let pairs = self.pairs()?;
                return combine::group(left, pairs, at);
            }
            "(" => return self.call(left, at),
            "^" => return self.sort(left),
            "@" | "#" => return Err(self.unsupported(&format!("binding by {operator}"))),
            ".." => return Err(self.unexpected("`]`, as ranges stand in lists")),
            _ => {}
        }
        self.advance(true)?;
        let boxed = Box::new;
        match operator {
            "." => {
                if self.is("%") {
                    return Err(self.unsupported("the parent operator %"));
                }
                let right = self.expression(power)?;
                combine::path(left, right, at)
            }
            "?" => {
                let then = self.expression(0)?;
                let mut other = None;
                if self.is(":") {
                    self.advance(true)?;
                    other = Some(boxed(self.expression(0)?));
                }
                Ok(Node::new(Kind::Condition(boxed(left), boxed(then), other)))
            }
            "?:" | "??" => {
                let other = boxed(self.expression(power)?);
                let if_true = operator == "?:";
                Ok(Node::new(Kind::Default { if_true, value: boxed(left), other }))
            }
            ":=" => {
                let name = match left.kind {
                    Kind::Variable(name)
                        if !name.is_empty() && &*name != "$" && left.predicates.is_empty() =>
                    {
                        name
                    }
                    _ => return Err(syntax(at, "only a variable can be bound")),
                };
                self.bound.push(name.clone());
                let value = self.expression(power - 1)?;
                Ok(Node::new(Kind::Bind(name, boxed(value))))
            }
            "~>" => {
                let right = self.expression(power)?;
                Ok(Node::new(Kind::Chain(boxed(left), boxed(right))))
            }
            _ => {
                let operation =
                    operation(operator).ok_or_else(|| self.unexpected("an operator"))?;
                let right = self.expression(power)?;
                Ok(Node::new(Kind::Binary(operation, boxed(left), boxed(right))))
            }
        }
    }

    fn predicate(&mut self, left: Node) -> Result<Node, Error> {
        let at = self.at;
        self.advance(true)?;
        if self.is("]") {
            self.advance(false)?;
            return Ok(combine::keep_list(left));
        }
        let predicate = self.expression(0)?;
        self.expect("]", false)?;
        combine::predicate(left, predicate, at)
    }

    fn call(&mut self, function: Node, at: usize) -> Result<Node, Error> {
        if let Kind::Variable(name) = &function.kind
            && !name.is_empty()
        {
            self.called.push((at, name.clone()));
        }
        self.advance(true)?;
        let mut arguments = Vec::new();
        while !self.is(")") {
            arguments.push(self.expression(0)?);
            if !self.is(",") {
                break;
            }
            self.advance(true)?;
        }
        self.expect(")", false)?;
        Ok(Node::new(Kind::Call(Box::new(function), arguments)))
    }

    fn sort(&mut self, left: Node) -> Result<Node, Error> {
        self.advance(false)?;
        self.expect("(", true)?;
        let mut terms = Vec::new();
        loop {
            let descends = self.is(">");
            if descends || self.is("<") {
                self.advance(true)?;
            }
            terms.push((self.expression(0)?, descends));
            if !self.is(",") {
                break;
            }
            self.advance(true)?;
        }
        self.expect(")", false)?;
        Ok(combine::sort(left, terms))
    }
}

fn operation(operator: &str) -> Option<Operator> {
    Some(match operator {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Modulo,
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessOrEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterOrEqual,
        "&" => Operator::Concatenate,
        "and" => Operator::And,
        "or" => Operator::Or,
        "in" => Operator::In,
        _ => return None,
    })
}
