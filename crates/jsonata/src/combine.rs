//! Steps to paths.

use std::rc::Rc;

use crate::error::Error;
use crate::lex::syntax;
use crate::syntax::{Kind, Literal, Node, Pairs};

pub(crate) fn name(name: Rc<str>) -> Node {
    let steps = vec![Node::new(Kind::Name(name))];
    Node::new(Kind::Path { steps, keep_list: false })
}

/// The steps of what a path begins or goes on with.
fn steps(node: Node) -> (Vec<Node>, bool) {
    if node.group.is_none()
        && node.predicates.is_empty()
        && let Kind::Path { steps, keep_list } = node.kind
    {
        return (steps, keep_list);
    }
    (vec![node], false)
}

fn rebuilt(steps: Vec<Node>, keep_list: bool) -> Node {
    Node::new(Kind::Path { steps, keep_list })
}

/// `left.right`
pub(crate) fn path(left: Node, right: Node, at: usize) -> Result<Node, Error> {
    if left.group.is_some() && matches!(left.kind, Kind::Path { .. }) {
        return Err(syntax(at, "a path goes on behind its grouping"));
    }
    let (mut all, mut keep_list) = steps(left);
    let group = right.group.clone();
    let right = Node { group: None, ..right };
    let (mut more, keep) = steps(right);
    keep_list |= keep;
    if let [only] = &mut more[..] {
        // Of a step, each result is filtered by itself.
        only.stages.append(&mut only.predicates);
    }
    all.append(&mut more);
    for step in &mut all {
        step.kind = match std::mem::replace(&mut step.kind, Kind::Wildcard) {
            Kind::Literal(Literal::Text(text)) => Kind::Name(text),
            Kind::Literal(_) => {
                return Err(syntax(at, "a number or the like is no step of a path"));
            }
            kind => kind,
        };
        keep_list |= step.keep_list;
    }
    let last = all.len() - 1;
    for index in [0, last] {
        all[index].one_value |= all[index].is_list();
    }
    Ok(Node { group, ..rebuilt(all, keep_list) })
}

/// `left[predicate]`
pub(crate) fn predicate(mut left: Node, predicate: Node, at: usize) -> Result<Node, Error> {
    if left.group.is_some() {
        return Err(syntax(at, "a predicate stands behind a grouping"));
    }
    let depth = left.depth.max(predicate.depth + 2);
    match &mut left.kind {
        Kind::Path { steps, .. } => {
            if let Some(last) = steps.last_mut() {
                last.stages.push(predicate);
            }
        }
        _ => left.predicates.push(predicate),
    }
    left.depth = depth;
    Ok(left)
}

/// `left[]`
pub(crate) fn keep_list(mut left: Node) -> Node {
    match &mut left.kind {
        Kind::Path { keep_list, .. } => *keep_list = true,
        _ => left.keep_list = true,
    }
    left
}

/// `left{key: value}`
pub(crate) fn group(mut left: Node, pairs: Pairs, at: usize) -> Result<Node, Error> {
    if left.group.is_some() {
        return Err(syntax(at, "there are two groupings"));
    }
    let inside = pairs.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0);
    left.depth = left.depth.max(inside + 1);
    left.group = Some(Rc::new(pairs));
    Ok(left)
}

/// `left^(terms)`
pub(crate) fn sort(left: Node, terms: Vec<(Node, bool)>) -> Node {
    let group = left.group.clone();
    let (mut all, keep_list) = steps(Node { group: None, ..left });
    all.push(Node::new(Kind::Sort(terms)));
    Node { group, ..rebuilt(all, keep_list) }
}
