//! Tags: attributes, namespace declarations and what a prefix means.

use super::lex::is_absolute;
use super::limits::XmlErrorKind::{
    DuplicateAttribute, DuplicateId, EndTag, Expected, NamespaceDeclaration, PrefixedId,
    RelativeNamespace, TooMuch, UndeclaredPrefix,
};
use super::ns;
use super::parse::{Parsed, Parser};
use super::tree::{Attribute, Binding, ElementData, Name, Node, Range, Span};

struct RawAttribute<'i> {
    prefix: &'i str,
    local: &'i str,
    value: Span,
}

impl<'i> Parser<'i> {
    /// XML 1.0 §3.3.3: literal white space becomes a space, a referenced one stays what it is.
    fn attribute_value(&mut self) -> Parsed<Span> {
        let quote = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => char::from(quote),
            _ => return Err(Expected("a quotation mark")),
        };
        self.at += 1;
        let start = self.here();
        let stops = [quote, '<', '&', '\t', '\n', '\r'];
        loop {
            let rest = self.rest();
            let run = rest.find(stops).ok_or(Expected("a quotation mark"))?;
            self.document.text.push_str(&rest[..run]);
            self.at += run;
            match rest.as_bytes()[run] {
                b'<' => return Err(Expected("no < in an attribute")),
                b'&' => {
                    let c = self.reference()?;
                    self.document.text.push(c);
                }
                b'\t' | b'\n' | b'\r' => {
                    self.at += if rest[run..].starts_with("\r\n") { 2 } else { 1 };
                    self.document.text.push(' ');
                }
                _ => break,
            }
        }
        self.at += 1;
        Ok(Span { start, end: self.here() })
    }

    pub(super) fn start_tag(&mut self) -> Parsed<()> {
        if self.open.len() >= self.limits.depth {
            return Err(TooMuch { what: "elements within elements", limit: self.limits.depth });
        }
        let (outer, first_binding) = (self.scope.len(), self.document.bindings.len());
        self.expect("<")?;
        let (prefix, local) = self.qname()?;
        let mut raw: Vec<RawAttribute<'i>> = Vec::new();
        let empty = loop {
            let spaced = self.skip_space();
            match self.peek() {
                Some(b'>') => {
                    self.at += 1;
                    break false;
                }
                Some(b'/') => {
                    self.expect("/>")?;
                    break true;
                }
                _ if !spaced => return Err(Expected("white space or >")),
                _ => self.attribute(&mut raw, outer)?,
            }
            if raw.len() + self.scope.len() - outer > self.limits.attributes {
                return Err(TooMuch { what: "attributes", limit: self.limits.attributes });
            }
        };
        let bindings = range(first_binding, &self.document.bindings);
        let name = self.element_name(prefix, local)?;
        let attributes = self.resolve_attributes(&raw)?;
        let parent = self.open.last().map(|(index, _)| *index);
        let index =
            self.push(Node::Element(ElementData { name, attributes, bindings, parent, end: 0 }))?;
        self.open.push((index, outer));
        if empty {
            self.close();
        }
        Ok(())
    }

    /// One attribute into `raw`, or one namespace declaration into scope.
    fn attribute(&mut self, raw: &mut Vec<RawAttribute<'i>>, outer: usize) -> Parsed<()> {
        let (prefix, local) = self.qname()?;
        self.skip_space();
        self.expect("=")?;
        self.skip_space();
        let value = self.attribute_value()?;
        if prefix == "xmlns" || (prefix.is_empty() && local == "xmlns") {
            return self.declare(if prefix.is_empty() { "" } else { local }, value, outer);
        }
        if raw.iter().any(|seen| seen.local == local && seen.prefix == prefix) {
            return Err(DuplicateAttribute);
        }
        raw.push(RawAttribute { prefix, local, value });
        Ok(())
    }

    fn declare(&mut self, prefix: &str, value: Span, outer: usize) -> Parsed<()> {
        let uri = self.document.str(value);
        if prefix == "xmlns" || uri == ns::XMLNS || ((prefix == "xml") != (uri == ns::XML)) {
            return Err(NamespaceDeclaration);
        }
        if uri.is_empty() && !prefix.is_empty() {
            return Err(NamespaceDeclaration);
        }
        if !uri.is_empty() && !is_absolute(uri) {
            return Err(RelativeNamespace);
        }
        if self.scope[outer..].iter().any(|seen| self.document.str(seen.prefix) == prefix) {
            return Err(DuplicateAttribute);
        }
        if self.scope.len() >= self.limits.bindings {
            return Err(TooMuch { what: "namespace declarations", limit: self.limits.bindings });
        }
        let binding = Binding { prefix: self.store(prefix), uri: value };
        self.scope.push(binding);
        self.document.bindings.push(binding);
        Ok(())
    }

    fn binding(&self, prefix: &str) -> Option<Binding> {
        if prefix == "xml" {
            return Some(self.xml);
        }
        self.scope.iter().rev().find(|seen| self.document.str(seen.prefix) == prefix).copied()
    }

    fn element_name(&mut self, prefix: &str, local: &str) -> Parsed<Name> {
        let binding = match self.binding(prefix) {
            Some(binding) => binding,
            None if prefix.is_empty() => Binding { prefix: Span::default(), uri: Span::default() },
            None => return Err(UndeclaredPrefix),
        };
        Ok(Name { prefix: binding.prefix, local: self.store(local), namespace: binding.uri })
    }

    fn resolve_attributes(&mut self, raw: &[RawAttribute<'_>]) -> Parsed<Range> {
        let first = self.document.attributes.len();
        for attribute in raw {
            let (prefix, namespace) = if attribute.prefix.is_empty() {
                (Span::default(), Span::default())
            } else {
                let binding = self.binding(attribute.prefix).ok_or(UndeclaredPrefix)?;
                (binding.prefix, binding.uri)
            };
            let uri = self.document.str(namespace);
            let twice = self.document.attributes[first..].iter().any(|seen| {
                self.document.str(seen.name.local) == attribute.local
                    && self.document.str(seen.name.namespace) == uri
            });
            if twice {
                return Err(DuplicateAttribute);
            }
            if attribute.local.eq_ignore_ascii_case("id") {
                if !attribute.prefix.is_empty() {
                    return Err(PrefixedId);
                }
                if !self.ids.insert(self.document.str(attribute.value).to_owned()) {
                    return Err(DuplicateId);
                }
            }
            let name = Name { prefix, local: self.store(attribute.local), namespace };
            self.document.attributes.push(Attribute { name, value: attribute.value });
        }
        Ok(range(first, &self.document.attributes))
    }

    pub(super) fn end_tag(&mut self) -> Parsed<()> {
        let began = self.at;
        self.expect("</")?;
        let (prefix, local) = self.qname()?;
        self.skip_space();
        self.expect(">")?;
        let matches = self.open.last().is_some_and(|(index, _)| {
            match &self.document.nodes[*index as usize] {
                Node::Element(data) => {
                    self.document.str(data.name.local) == local
                        && self.document.str(data.name.prefix) == prefix
                }
                _ => false,
            }
        });
        if !matches {
            self.at = began;
            return Err(EndTag);
        }
        self.close();
        Ok(())
    }

    fn close(&mut self) {
        let behind = u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX);
        if let Some((index, outer)) = self.open.pop() {
            self.scope.truncate(outer);
            if let Node::Element(data) = &mut self.document.nodes[index as usize] {
                data.end = behind;
            }
        }
    }
}

fn range<T>(first: usize, items: &[T]) -> Range {
    // Bounded by the number of bytes, as above.
    let index = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Range { start: index(first), end: index(items.len()) }
}
