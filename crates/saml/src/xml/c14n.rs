//! Exclusive XML Canonicalization 1.0 (W3C Recommendation, 18 July 2002) of one element.

use super::tree::{Attribute, Binding, Element, ElementData, Node};
use super::write::{escape_attribute, escape_text};

/// What belongs to the canonical form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canonicalization<'a> {
    /// Comments are left out, unless asked for.
    pub comments: bool,
    /// `InclusiveNamespaces PrefixList`: prefixes that count as used wherever they are declared.
    /// `#default` is the default namespace.
    pub prefixes: &'a [&'a str],
    /// An element left out with all it holds, as the enveloped-signature transform does.
    pub without: Option<Element<'a>>,
}

impl Element<'_> {
    /// The canonical form of this element.
    #[must_use]
    pub fn canonical(self, options: &Canonicalization<'_>) -> String {
        let mut output = String::new();
        Walk { root: self, options, scope: Vec::new(), rendered: Vec::new() }.run(&mut output);
        output
    }
}

struct Walk<'d, 'a> {
    root: Element<'d>,
    options: &'a Canonicalization<'a>,
    /// Declarations in scope for the prefixes of the list.
    scope: Vec<Binding>,
    /// Declarations that the output has made.
    rendered: Vec<(&'d str, &'d str)>,
}

/// An element whose end tag is due: where it ends, and what was in scope outside.
struct Open<'d> {
    data: &'d ElementData,
    scope: usize,
    rendered: usize,
}

impl<'d> Walk<'d, '_> {
    fn run(mut self, output: &mut String) {
        let document = self.root.document;
        self.enter_ancestors();
        let without = self.options.without.filter(|e| std::ptr::eq(e.document, document));
        let (mut at, end) = (self.root.index, self.root.data().end);
        let mut open: Vec<Open<'d>> = Vec::new();
        while at < end || !open.is_empty() {
            if let Some(element) = open.pop_if(|element| element.data.end <= at) {
                self.end_tag(output, element.data);
                self.scope.truncate(element.scope);
                self.rendered.truncate(element.rendered);
                continue;
            }
            match &document.nodes[at as usize] {
                Node::Element(data) if without.is_some_and(|e| e.index == at) => {
                    at = data.end;
                    continue;
                }
                Node::Element(data) => {
                    let (scope, rendered) = (self.scope.len(), self.rendered.len());
                    open.push(Open { data, scope, rendered });
                    self.start_tag(output, data);
                }
                Node::Text(span) => escape_text(document.str(*span), output),
                Node::Comment(span) if self.options.comments => {
                    output.push_str("<!--");
                    output.push_str(document.str(*span));
                    output.push_str("-->");
                }
                Node::Comment(_) => {}
                Node::ProcessingInstruction { target, data } => {
                    output.push_str("<?");
                    output.push_str(document.str(*target));
                    if data.end > data.start {
                        output.push(' ');
                        output.push_str(document.str(*data));
                    }
                    output.push_str("?>");
                }
            }
            at += 1;
        }
    }

    /// What ancestors declare is in scope, but only the list asks for it.
    fn enter_ancestors(&mut self) {
        let ancestors: Vec<_> =
            std::iter::successors(self.root.parent(), |element| element.parent()).collect();
        for ancestor in ancestors.iter().rev() {
            self.declare(ancestor.data());
        }
    }

    fn declare(&mut self, data: &ElementData) {
        let document = self.root.document;
        for binding in data.bindings.of(&document.bindings) {
            let prefix = match document.str(binding.prefix) {
                "" => "#default",
                prefix => prefix,
            };
            if self.options.prefixes.contains(&prefix) {
                self.scope.push(*binding);
            }
        }
    }

    fn start_tag(&mut self, output: &mut String, data: &'d ElementData) {
        let document = self.root.document;
        self.declare(data);
        let mut attributes: Vec<&Attribute> =
            data.attributes.of(&document.attributes).iter().collect();
        attributes.sort_by_key(|attribute| {
            (document.str(attribute.name.namespace), document.str(attribute.name.local))
        });

        // Visibly utilised: the element's own prefix, even the empty one, and those of attributes.
        let mut namespaces = Vec::new();
        let names = attributes
            .iter()
            .filter(|attribute| attribute.name.prefix.end > attribute.name.prefix.start)
            .map(|attribute| attribute.name);
        for name in std::iter::once(data.name).chain(names) {
            namespaces.push((document.str(name.prefix), document.str(name.namespace)));
        }
        for prefix in self.options.prefixes {
            let prefix = if *prefix == "#default" { "" } else { prefix };
            let found = self.scope.iter().rev().find(|b| document.str(b.prefix) == prefix);
            if let Some(binding) = found {
                namespaces.push((document.str(binding.prefix), document.str(binding.uri)));
            }
        }
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces.retain(|(prefix, uri)| {
            let above = self.rendered.iter().rev().find(|(seen, _)| seen == prefix);
            *prefix != "xml" && above.map_or(!uri.is_empty(), |(_, seen)| seen != uri)
        });

        output.push('<');
        push_name(output, document.str(data.name.prefix), document.str(data.name.local));
        for (prefix, uri) in &namespaces {
            output.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            output.push_str(prefix);
            push_value(output, uri);
        }
        for attribute in attributes {
            output.push(' ');
            let name = attribute.name;
            push_name(output, document.str(name.prefix), document.str(name.local));
            push_value(output, document.str(attribute.value));
        }
        output.push('>');
        self.rendered.extend(namespaces);
    }

    fn end_tag(&self, output: &mut String, data: &ElementData) {
        let document = self.root.document;
        output.push_str("</");
        push_name(output, document.str(data.name.prefix), document.str(data.name.local));
        output.push('>');
    }
}

fn push_name(output: &mut String, prefix: &str, local: &str) {
    if !prefix.is_empty() {
        output.push_str(prefix);
        output.push(':');
    }
    output.push_str(local);
}

fn push_value(output: &mut String, value: &str) {
    output.push_str("=\"");
    escape_attribute(value, output);
    output.push('"');
}
