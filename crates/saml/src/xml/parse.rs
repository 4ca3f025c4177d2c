//! Text to tree. What a SAML message has no use for is an error here: a DTD, an encoding other
//! than UTF-8, a relative namespace name, two elements with one ID.

use std::collections::BTreeSet;

use super::lex::{is_char, is_space, ncname_length, reference};
use super::limits::XmlErrorKind::{
    self, Character, Doctype, Editorial, Expected, NotUtf8, TooMuch,
};
use super::limits::{Limits, XmlError};
use super::ns;
use super::tree::{Binding, Document, Node, Span};

pub(super) type Parsed<T> = Result<T, XmlErrorKind>;

pub(super) struct Parser<'i> {
    pub(super) input: &'i str,
    pub(super) at: usize,
    pub(super) limits: &'i Limits,
    pub(super) document: Document,
    /// Open elements: their index, and how many bindings were in scope outside.
    pub(super) open: Vec<(u32, usize)>,
    pub(super) scope: Vec<Binding>,
    pub(super) ids: BTreeSet<String>,
    /// Two that no document declares.
    pub(super) xml: Binding,
}

impl Document {
    /// Parses UTF-8 text, with or without byte order mark.
    pub fn parse(input: &[u8], limits: &Limits) -> Result<Self, XmlError> {
        Parser::parse(input, limits)
    }
}

impl<'i> Parser<'i> {
    fn parse(bytes: &'i [u8], limits: &'i Limits) -> Result<Document, XmlError> {
        let at_start = |kind| XmlError { kind, line: 1, column: 1 };
        if bytes.len() > limits.bytes {
            return Err(at_start(TooMuch { what: "bytes", limit: limits.bytes }));
        }
        let input = std::str::from_utf8(bytes).map_err(|_| at_start(NotUtf8))?;
        let document = Document {
            text: String::with_capacity(input.len()),
            nodes: Vec::new(),
            attributes: Vec::new(),
            bindings: Vec::new(),
        };
        let nowhere = Binding { prefix: Span::default(), uri: Span::default() };
        let mut parser = Self {
            input: input.strip_prefix('\u{FEFF}').unwrap_or(input),
            at: 0,
            limits,
            document,
            open: Vec::new(),
            scope: Vec::new(),
            ids: BTreeSet::new(),
            xml: nowhere,
        };
        parser.xml = Binding { prefix: parser.store("xml"), uri: parser.store(ns::XML) };
        match parser.document() {
            Ok(()) => Ok(parser.document),
            Err(kind) => {
                let before = &parser.input[..parser.at];
                let line_start = before.rfind('\n').map_or(0, |at| at + 1);
                let line = 1 + before.bytes().filter(|b| *b == b'\n').count();
                Err(XmlError { kind, line, column: 1 + before[line_start..].chars().count() })
            }
        }
    }

    fn document(&mut self) -> Parsed<()> {
        if let Some((at, _)) = self.input.char_indices().find(|(_, c)| !is_char(*c)) {
            self.at = at;
            return Err(Character);
        }
        self.declaration()?;
        self.outside()?;
        if !self.rest().starts_with('<') {
            return Err(Expected("an element"));
        }
        self.start_tag()?;
        while !self.open.is_empty() {
            self.content()?;
        }
        self.outside()?;
        if self.at < self.input.len() { Err(Expected("the end of the document")) } else { Ok(()) }
    }

    pub(super) fn rest(&self) -> &'i str {
        &self.input[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.input.as_bytes().get(self.at).copied()
    }

    pub(super) fn skip_space(&mut self) -> bool {
        let began = self.at;
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        self.at > began
    }

    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn expect(&mut self, token: &'static str) -> Parsed<()> {
        if self.take(token) { Ok(()) } else { Err(Expected(token)) }
    }

    fn until(&mut self, end: &'static str) -> Parsed<&'i str> {
        let found = self.rest().find(end).ok_or(Expected(end))?;
        let text = &self.rest()[..found];
        self.at += found + end.len();
        Ok(text)
    }

    fn ncname(&mut self) -> Parsed<&'i str> {
        let length = ncname_length(self.rest());
        if length == 0 {
            return Err(Expected("a name"));
        }
        let name = &self.rest()[..length];
        self.at += length;
        Ok(name)
    }

    /// Prefix, empty where there is none, and local part.
    pub(super) fn qname(&mut self) -> Parsed<(&'i str, &'i str)> {
        let first = self.ncname()?;
        if self.take(":") { Ok((first, self.ncname()?)) } else { Ok(("", first)) }
    }

    pub(super) fn store(&mut self, text: &str) -> Span {
        let start = self.here();
        self.document.text.push_str(text);
        Span { start, end: self.here() }
    }

    /// Below 4 GiB, as [`Limits::bytes`] is in every use; decoding never makes text longer.
    pub(super) fn here(&self) -> u32 {
        u32::try_from(self.document.text.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn push(&mut self, node: Node) -> Parsed<u32> {
        let index = self.document.nodes.len();
        if index >= self.limits.nodes {
            return Err(TooMuch { what: "nodes", limit: self.limits.nodes });
        }
        self.document.nodes.push(node);
        Ok(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// XML 1.0 §2.8, production 23, where there is one.
    fn declaration(&mut self) -> Parsed<()> {
        if !self.rest().starts_with("<?xml")
            || !self.input.as_bytes().get(5).copied().is_some_and(is_space)
        {
            return Ok(());
        }
        self.at = 5;
        let mut last = 0;
        while self.skip_space() && self.peek() != Some(b'?') {
            let name = self.ncname()?;
            self.skip_space();
            self.expect("=")?;
            self.skip_space();
            let value = match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    self.until("\"")?
                }
                Some(b'\'') => {
                    self.at += 1;
                    self.until("'")?
                }
                _ => return Err(Expected("a quotation mark")),
            };
            let (order, good) = match name {
                "version" => (1, value == "1.0"),
                "encoding" if !value.eq_ignore_ascii_case("utf-8") => return Err(NotUtf8),
                "encoding" => (2, true),
                "standalone" => (3, matches!(value, "yes" | "no")),
                _ => (0, false),
            };
            if !good || order <= last || (last == 0 && order != 1) {
                return Err(Expected("an XML declaration"));
            }
            last = order;
        }
        if last == 0 {
            return Err(Expected("an XML version"));
        }
        self.expect("?>")
    }

    /// What may stand before and behind the document element; it is not kept.
    fn outside(&mut self) -> Parsed<()> {
        loop {
            self.skip_space();
            if self.rest().starts_with("<!--") {
                self.comment()?;
            } else if self.rest().starts_with("<?") {
                self.processing_instruction()?;
            } else if self.rest().starts_with("<!") {
                return Err(Doctype);
            } else {
                return Ok(());
            }
        }
    }

    fn comment(&mut self) -> Parsed<&'i str> {
        self.expect("<!--")?;
        let text = self.until("--")?;
        self.expect(">")?;
        Ok(text)
    }

    fn processing_instruction(&mut self) -> Parsed<(&'i str, &'i str)> {
        if !self.limits.editorial {
            return Err(Editorial("a processing instruction"));
        }
        self.expect("<?")?;
        let target = self.ncname()?;
        if target.eq_ignore_ascii_case("xml") {
            return Err(Expected("a name other than xml"));
        }
        let spaced = self.skip_space();
        let data = self.until("?>")?;
        if !spaced && !data.is_empty() {
            return Err(Expected("white space"));
        }
        Ok((target, data))
    }

    fn content(&mut self) -> Parsed<()> {
        let rest = self.rest();
        if rest.starts_with("</") {
            self.end_tag()
        } else if rest.starts_with("<!--") {
            let text = self.comment()?;
            let span = self.store_lines(text);
            self.push(Node::Comment(span)).map(drop)
        } else if rest.starts_with("<?") {
            let (target, data) = self.processing_instruction()?;
            let (target, data) = (self.store(target), self.store_lines(data));
            self.push(Node::ProcessingInstruction { target, data }).map(drop)
        } else if rest.starts_with('<') && !rest.starts_with("<![CDATA[") {
            self.start_tag()
        } else if rest.is_empty() {
            Err(Expected("an end tag"))
        } else {
            self.character_data()
        }
    }

    /// XML 1.0 §2.11: one line feed for every kind of line end.
    fn store_lines(&mut self, text: &str) -> Span {
        let start = self.here();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\r' {
                let _ = chars.next_if_eq(&'\n');
            }
            self.document.text.push(if c == '\r' { '\n' } else { c });
        }
        Span { start, end: self.here() }
    }

    /// Text and CDATA sections up to the next markup, as one node.
    fn character_data(&mut self) -> Parsed<()> {
        let start = self.here();
        loop {
            if self.rest().starts_with("<![CDATA[") {
                if !self.limits.editorial {
                    return Err(Editorial("a CDATA section"));
                }
                self.at += "<![CDATA[".len();
                let text = self.until("]]>")?;
                self.store_lines(text);
                continue;
            }
            let rest = self.rest();
            let run = rest.find(['<', '&']).ok_or(Expected("an end tag"))?;
            let text = &rest[..run];
            if let Some(found) = text.find("]]>") {
                self.at += found;
                return Err(Expected("no ]]> outside of CDATA"));
            }
            self.store_lines(text);
            self.at += run;
            if self.peek() == Some(b'&') {
                let c = self.reference()?;
                self.document.text.push(c);
            } else if !self.rest().starts_with("<![CDATA[") {
                break;
            }
        }
        let end = self.here();
        if end > start {
            self.push(Node::Text(Span { start, end }))?;
        }
        Ok(())
    }

    pub(super) fn reference(&mut self) -> Parsed<char> {
        // Longer than the longest that has a meaning, leading zeros included.
        let name = &self.rest()[1..];
        let end = name.bytes().take(32).position(|b| b == b';').ok_or(XmlErrorKind::Reference)?;
        let c = reference(&name[..end]).ok_or(XmlErrorKind::Reference)?;
        self.at += end + 2;
        Ok(c)
    }
}
