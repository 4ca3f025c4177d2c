//! Writing XML that is its own canonical form: a namespace is declared where it is first used,
//! attributes come in canonical order, values are escaped as C14N escapes them. So what is signed
//! is what is sent, without a tree in between.

use super::lex::is_char;

/// A text that XML cannot hold, not even escaped.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the text holds U+{:04X}, which XML cannot express", u32::from(*.0))]
pub struct UnwritableText(pub char);

/// Writes one element and what is in it.
#[derive(Debug, Default)]
pub struct Writer {
    output: String,
    open: Vec<Open>,
    /// The start tag whose attributes are still being collected.
    start: Option<Start>,
    declared: Vec<(&'static str, &'static str)>,
    unwritable: Option<UnwritableText>,
}

#[derive(Debug)]
struct Open {
    prefix: &'static str,
    local: &'static str,
    declared: usize,
}

#[derive(Debug)]
struct Start {
    namespaces: Vec<(&'static str, &'static str)>,
    attributes: Vec<Attribute>,
}

#[derive(Debug)]
struct Attribute {
    namespace: &'static str,
    prefix: &'static str,
    local: &'static str,
    value: String,
}

/// A namespace and the prefix under which it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Vocabulary {
    /// Prefix.
    pub prefix: &'static str,
    /// Namespace name.
    pub namespace: &'static str,
}

impl Writer {
    /// Nothing is written yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an element.
    pub fn open(&mut self, vocabulary: Vocabulary, local: &'static str) -> &mut Self {
        self.finish_start();
        let Vocabulary { prefix, namespace } = vocabulary;
        self.open.push(Open { prefix, local, declared: self.declared.len() });
        self.start = Some(Start { namespaces: vec![(prefix, namespace)], attributes: Vec::new() });
        self
    }

    /// An attribute without namespace of the element that was begun last.
    pub fn attribute(&mut self, local: &'static str, value: &str) -> &mut Self {
        self.attribute_of(Vocabulary { prefix: "", namespace: "" }, local, value)
    }

    /// The same, where there is a value.
    pub fn attribute_if(&mut self, local: &'static str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.attribute(local, value);
        }
        self
    }

    /// An attribute of a namespace.
    pub fn attribute_of(
        &mut self,
        vocabulary: Vocabulary,
        local: &'static str,
        value: &str,
    ) -> &mut Self {
        self.check(value);
        if let Some(start) = &mut self.start {
            let Vocabulary { prefix, namespace } = vocabulary;
            if !prefix.is_empty() && prefix != "xml" {
                start.namespaces.push((prefix, namespace));
            }
            start.attributes.push(Attribute { namespace, prefix, local, value: value.to_owned() });
        }
        self
    }

    /// Text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.finish_start();
        self.check(text);
        escape_text(text, &mut self.output);
        self
    }

    /// Ends the innermost element.
    pub fn close(&mut self) -> &mut Self {
        self.finish_start();
        if let Some(open) = self.open.pop() {
            self.output.push_str("</");
            self.push_name(open.prefix, open.local);
            self.output.push('>');
            self.declared.truncate(open.declared);
        }
        self
    }

    /// An element that holds text alone.
    pub fn leaf(&mut self, vocabulary: Vocabulary, local: &'static str, text: &str) -> &mut Self {
        self.open(vocabulary, local).text(text).close()
    }

    /// An element that this module wrote before, canonical on its own. No element around it may
    /// have declared a namespace that it uses.
    pub(crate) fn insert(&mut self, element: &str) -> &mut Self {
        self.finish_start();
        self.output.push_str(element);
        self
    }

    /// How much is written, for [`Written::around`].
    pub(crate) fn position(&mut self) -> usize {
        self.finish_start();
        self.output.len()
    }

    /// What was written, with every element closed.
    pub fn finish(mut self) -> Result<String, UnwritableText> {
        while !self.open.is_empty() {
            self.close();
        }
        match self.unwritable {
            Some(error) => Err(error),
            None => Ok(self.output),
        }
    }

    fn check(&mut self, text: &str) {
        if let Some(c) = text.chars().find(|c| !is_char(*c)) {
            self.unwritable.get_or_insert(UnwritableText(c));
        }
    }

    fn push_name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.output.push_str(prefix);
            self.output.push(':');
        }
        self.output.push_str(local);
    }

    fn finish_start(&mut self) {
        let (Some(mut start), Some(open)) = (self.start.take(), self.open.last()) else { return };
        let (prefix, local) = (open.prefix, open.local);
        start.namespaces.sort_unstable();
        start.namespaces.dedup();
        start.namespaces.retain(|(prefix, namespace)| {
            let above = self.declared.iter().rev().find(|(seen, _)| seen == prefix);
            above.is_none_or(|(_, seen)| seen != namespace)
        });
        start.attributes.sort_by_key(|attribute| (attribute.namespace, attribute.local));
        self.output.push('<');
        self.push_name(prefix, local);
        for (prefix, namespace) in &start.namespaces {
            self.output.push_str(" xmlns:");
            self.output.push_str(prefix);
            self.push_value(namespace);
        }
        for attribute in &start.attributes {
            self.output.push(' ');
            self.push_name(attribute.prefix, attribute.local);
            self.push_value(&attribute.value);
        }
        self.output.push('>');
        self.declared.append(&mut start.namespaces);
    }

    fn push_value(&mut self, value: &str) {
        self.output.push_str("=\"");
        escape_attribute(value, &mut self.output);
        self.output.push('"');
    }
}

/// C14N 1.0 §2.3, text nodes.
pub(super) fn escape_text(text: &str, output: &mut String) {
    escape(text, output, |c| {
        Some(match c {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'\r' => "&#xD;",
            _ => return None,
        })
    });
}

/// C14N 1.0 §2.3, attribute nodes.
pub(super) fn escape_attribute(value: &str, output: &mut String) {
    escape(value, output, |c| {
        Some(match c {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'"' => "&quot;",
            b'\t' => "&#x9;",
            b'\n' => "&#xA;",
            b'\r' => "&#xD;",
            _ => return None,
        })
    });
}

fn escape(text: &str, output: &mut String, replacement: fn(u8) -> Option<&'static str>) {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        // All replaced characters are ASCII, so both cuts are at character boundaries.
        if let Some(replacement) = replacement(byte) {
            output.push_str(&text[copied..at]);
            output.push_str(replacement);
            copied = at + 1;
        }
    }
    output.push_str(&text[copied..]);
}
