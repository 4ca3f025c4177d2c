//! `|pattern|update, delete|`: a copy of a value, in which some objects are others.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::error::Error;
use crate::evaluate::Evaluator;
use crate::path::texts;
use crate::syntax::Transform;
use crate::value::{Object, Value};

/// Objects by where they are, and what becomes of their members.
type Changes = BTreeMap<usize, (Vec<(Rc<str>, Value)>, Vec<Rc<str>>)>;

impl Evaluator {
    pub(crate) fn transform(
        &mut self,
        transform: &Transform,
        frame: usize,
        value: &Value,
    ) -> Result<Value, Error> {
        if value.is_nothing() {
            return Ok(Value::Nothing);
        }
        // In the copy no object is in two places, so that an address stands for one place.
        let copy = self.rebuild(value, &Changes::new())?;
        let matches = self.evaluate(&transform.pattern, &copy, frame)?;
        let mut changes = Changes::new();
        for found in matches.items() {
            let Value::Object(object) = found else { continue };
            let (set, removed) = changes.entry(address(object)).or_default();
            match self.evaluate(&transform.update, found, frame)? {
                Value::Nothing => {}
                Value::Object(update) => {
                    self.meter.steps(update.members.len())?;
                    set.extend(update.members.iter().map(|(k, v)| (k.clone(), v.clone())));
                }
                other => {
                    let kind = other.kind();
                    return Err(Error::Type(format!("a transform updates by {kind}, no object")));
                }
            }
            if let Some(delete) = &transform.delete {
                let names = self.evaluate(delete, found, frame)?;
                if texts(names.items()).count() != names.items().len() {
                    return Err(Error::Type("a transform deletes what is no name".to_owned()));
                }
                removed.extend(texts(names.items()).cloned());
            }
        }
        self.rebuild(&copy, &changes)
    }

    fn rebuild(&mut self, value: &Value, changes: &Changes) -> Result<Value, Error> {
        self.meter.enter()?;
        let built = match value {
            Value::List(list) => {
                let mut items = Vec::with_capacity(list.items.len());
                for item in &list.items {
                    items.push(self.rebuild(item, changes)?);
                }
                Value::list(items, &mut self.meter)?
            }
            Value::Object(object) => {
                let mut members = BTreeMap::new();
                for (name, value) in &object.members {
                    members.insert(name.clone(), self.rebuild(value, changes)?);
                }
                if let Some((set, removed)) = changes.get(&address(object)) {
                    members.extend(set.iter().cloned());
                    for name in removed {
                        members.remove(name);
                    }
                }
                Value::object(members, &mut self.meter)?
            }
            other => other.clone(),
        };
        self.meter.leave();
        Ok(built)
    }
}

fn address(object: &Rc<Object>) -> usize {
    Rc::as_ptr(object).addr()
}
