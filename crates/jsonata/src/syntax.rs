//! What an expression is, after its text has been read.

use std::rc::Rc;

use crate::matcher::Matcher;

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// `[…]` of something that is no step of a path.
    pub(crate) predicates: Vec<Node>,
    /// `[…]` of a step.
    pub(crate) stages: Vec<Node>,
    /// `{…}` behind it.
    pub(crate) group: Option<Rc<Pairs>>,
    /// `[]`: a single value stays a list.
    pub(crate) keep_list: bool,
    /// A list that is made as the first or last step of a path stays one value.
    pub(crate) one_value: bool,
    /// How many nodes are inside one another from here.
    pub(crate) depth: usize,
}

/// Keys and values of an object.
pub(crate) type Pairs = Vec<(Node, Node)>;

/// A value as it is written.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Number(f64),
    Text(Rc<str>),
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Literal),
    /// A member of the context.
    Name(Rc<str>),
    /// `$`, `$$`, `$name`.
    Variable(Rc<str>),
    /// `*`
    Wildcard,
    /// `**`
    Descendants,
    Path {
        steps: Vec<Node>,
        keep_list: bool,
    },
    Regex(Rc<Matcher>),
    Negative(Box<Node>),
    List(Vec<Node>),
    Range(Box<Node>, Box<Node>),
    Object(Rc<Pairs>),
    Binary(Operator, Box<Node>, Box<Node>),
    Condition(Box<Node>, Box<Node>, Option<Box<Node>>),
    /// `?:` (if it is true), `??` (if it is there): else the other.
    Default {
        if_true: bool,
        value: Box<Node>,
        other: Box<Node>,
    },
    Block(Vec<Node>),
    Bind(Rc<str>, Box<Node>),
    /// `~>`
    Chain(Box<Node>, Box<Node>),
    Call(Box<Node>, Vec<Node>),
    Lambda(Rc<Lambda>),
    /// `^(…)`: terms, and whether they descend.
    Sort(Vec<(Node, bool)>),
    Transform(Rc<Transform>),
}

#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) parameters: Vec<Rc<str>>,
    pub(crate) body: Node,
}

/// `|pattern|update, delete|`
#[derive(Debug)]
pub(crate) struct Transform {
    pub(crate) pattern: Node,
    pub(crate) update: Node,
    pub(crate) delete: Option<Node>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Concatenate,
    And,
    Or,
    In,
}

impl Node {
    pub(crate) fn new(kind: Kind) -> Self {
        let depth = 1 + kind.depth();
        Self {
            kind,
            predicates: Vec::new(),
            stages: Vec::new(),
            group: None,
            keep_list: false,
            one_value: false,
            depth,
        }
    }

    pub(crate) fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List(_))
    }
}

impl Kind {
    /// How deep it is inside.
    fn depth(&self) -> usize {
        let deepest = |nodes: &[Node]| nodes.iter().map(|node| node.depth).max().unwrap_or(0);
        let pairs = |pairs: &Pairs| {
            pairs.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0)
        };
        match self {
            Self::Literal(_)
            | Self::Name(_)
            | Self::Variable(_)
            | Self::Wildcard
            | Self::Descendants
            | Self::Regex(_) => 0,
            Self::Path { steps, .. } => deepest(steps),
            Self::List(nodes) | Self::Block(nodes) => deepest(nodes),
            Self::Negative(node) | Self::Bind(_, node) => node.depth,
            Self::Range(a, b)
            | Self::Binary(_, a, b)
            | Self::Chain(a, b)
            | Self::Default { value: a, other: b, .. } => a.depth.max(b.depth),
            Self::Object(members) => pairs(members),
            Self::Condition(a, b, c) => {
                a.depth.max(b.depth).max(c.as_ref().map_or(0, |node| node.depth))
            }
            Self::Call(function, arguments) => function.depth.max(deepest(arguments)),
            Self::Lambda(lambda) => lambda.body.depth,
            Self::Sort(terms) => terms.iter().map(|(term, _)| term.depth).max().unwrap_or(0),
            Self::Transform(transform) => {
                let Transform { pattern, update, delete } = &**transform;
                pattern.depth.max(update.depth).max(delete.as_ref().map_or(0, |node| node.depth))
            }
        }
    }
}
