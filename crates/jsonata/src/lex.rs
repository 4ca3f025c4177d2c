//! Characters to words.

use std::rc::Rc;

use crate::error::Error;
use crate::matcher::Matcher;

/// Regular expressions of one expression: each is made into far more than it is written with.
const MAX_REGEXES: usize = 64;

#[derive(Clone, Debug)]
pub(crate) enum Token {
    Name(Rc<str>),
    /// In backticks: never a keyword.
    QuotedName(Rc<str>),
    Variable(Rc<str>),
    Text(Rc<str>),
    Number(f64),
    Regex(Rc<Matcher>),
    Operator(&'static str),
    End,
}

/// Longer ones first.
const OPERATORS: [&str; 34] = [
    "..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??", ".", "[", "]", "{", "}", "(", ")", ",",
    "@", "#", ";", ":", "?", "+", "-", "*", "/", "%", "|", "=", "<", ">", "^", "&", "!",
];

pub(crate) struct Lexer<'a> {
    text: &'a str,
    /// Bytes.
    pub(crate) at: usize,
    regexes: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, regexes: 0 }
    }

    /// Where the next word begins, and the word. `/` begins a regular expression where a value is
    /// due.
    pub(crate) fn next(&mut self, value_is_due: bool) -> Result<(usize, Token), Error> {
        self.skip_blanks()?;
        let at = self.at;
        let rest = &self.text[at..];
        let Some(first) = rest.chars().next() else { return Ok((at, Token::End)) };
        let token = match first {
            '/' if value_is_due => self.regex()?,
            '"' | '\'' => self.quoted(first)?,
            '`' => {
                let Some(end) = rest[1..].find('`') else {
                    return Err(syntax(at, "a name in backticks does not end"));
                };
                self.at += end + 2;
                Token::QuotedName(rest[1..=end].into())
            }
            '0'..='9' => self.number()?,
            _ => match OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
                Some(operator) => {
                    self.at += operator.len();
                    Token::Operator(operator)
                }
                None => self.word()?,
            },
        };
        Ok((at, token))
    }

    fn skip_blanks(&mut self) -> Result<(), Error> {
        loop {
            let rest = &self.text[self.at..];
            let blanks =
                rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}']).len();
            self.at += blanks;
            if !rest[blanks..].starts_with("/*") {
                return Ok(());
            }
            let comment = self.at;
            match self.text[self.at..].find("*/") {
                Some(end) => self.at += end + 2,
                None => return Err(syntax(comment, "a comment does not end")),
            }
        }
    }

    fn word(&mut self) -> Result<Token, Error> {
        let rest = &self.text[self.at..];
        let ends =
            |c: char| c.is_whitespace() || OPERATORS.iter().any(|operator| operator.starts_with(c));
        let length = rest.find(ends).unwrap_or(rest.len());
        if length == 0 {
            return Err(syntax(self.at, "a character that means nothing here"));
        }
        self.at += length;
        let word = &rest[..length];
        Ok(match word.strip_prefix('$') {
            Some(name) => Token::Variable(name.into()),
            None => Token::Name(word.into()),
        })
    }

    fn number(&mut self) -> Result<Token, Error> {
        let (at, rest) = (self.at, &self.text[self.at..]);
        let digits = |from: usize| {
            let rest = &rest[from..];
            from + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
        };
        let mut length = digits(0);
        if rest[length..].starts_with('.') && digits(length + 1) > length + 1 {
            length = digits(length + 1);
        }
        if rest[length..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
            let exponent = digits(length + 1 + sign);
            if exponent > length + 1 + sign {
                length = exponent;
            }
        }
        self.at += length;
        let number = rest[..length].parse().ok().filter(|number: &f64| number.is_finite());
        number.map(Token::Number).ok_or_else(|| syntax(at, "a number is too large"))
    }

    fn quoted(&mut self, quote: char) -> Result<Token, Error> {
        let start = self.at;
        let unfinished = || syntax(start, "a text does not end");
        let mut characters = self.text[start + 1..].char_indices();
        let mut text = String::new();
        while let Some((index, c)) = characters.next() {
            match c {
                c if c == quote => {
                    self.at = start + 1 + index + 1;
                    return Ok(Token::Text(text.into()));
                }
                '\\' => {
                    let (_, escaped) = characters.next().ok_or_else(unfinished)?;
                    match escaped {
                        '"' | '\'' | '\\' | '/' => text.push(escaped),
                        'b' => text.push('\u{8}'),
                        'f' => text.push('\u{c}'),
                        'n' => text.push('\n'),
                        'r' => text.push('\r'),
                        't' => text.push('\t'),
                        'u' => {
                            let mut unit = || hexadecimal(&mut characters);
                            let first = unit().ok_or_else(|| escape(start + 1 + index))?;
                            let c = match first {
                                0xD800..0xDC00 => {
                                    let low = surrogate(&mut characters);
                                    let low = low.ok_or_else(|| escape(start + 1 + index))?;
                                    0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00)
                                }
                                unit => unit,
                            };
                            let c = char::from_u32(c).ok_or_else(|| escape(start + 1 + index))?;
                            text.push(c);
                        }
                        _ => return Err(escape(start + 1 + index)),
                    }
                }
                c => text.push(c),
            }
        }
        Err(unfinished())
    }

    fn regex(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let (mut escaped, mut class) = (false, false);
        let end = self.text[start + 1..].char_indices().find_map(|(index, c)| {
            let ends = c == '/' && !escaped && !class;
            (escaped, class) = match c {
                '\\' => (!escaped, class),
                '[' if !escaped => (false, true),
                ']' if !escaped => (false, false),
                _ => (false, class),
            };
            ends.then_some(start + 1 + index)
        });
        let end = end.ok_or_else(|| syntax(start, "a regular expression does not end"))?;
        let pattern = &self.text[start + 1..end];
        if pattern.is_empty() {
            return Err(syntax(start, "a regular expression is empty"));
        }
        let rest = &self.text[end + 1..];
        let flags = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
        if flags.chars().any(|c| !"im".contains(c)) {
            return Err(syntax(end + 1, "a regular expression has flags other than i and m"));
        }
        self.at = end + 1 + flags.len();
        // In JavaScript a slash is escaped; elsewhere nobody knows that escape.
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            return Err(syntax(start, &format!("more than {MAX_REGEXES} regular expressions")));
        }
        match Matcher::new(&pattern.replace("\\/", "/"), flags) {
            Ok(regex) => Ok(Token::Regex(Rc::new(regex))),
            Err(error) => Err(syntax(start, &format!("a regular expression: {error}"))),
        }
    }
}

fn hexadecimal(characters: &mut std::str::CharIndices<'_>) -> Option<u32> {
    let mut unit = 0;
    for _ in 0..4 {
        unit = unit * 16 + characters.next()?.1.to_digit(16)?;
    }
    Some(unit)
}

/// The second half of a pair (RFC 8259 §7).
fn surrogate(characters: &mut std::str::CharIndices<'_>) -> Option<u32> {
    let begins = characters.next()?.1 == '\\' && characters.next()?.1 == 'u';
    let unit = hexadecimal(characters)?;
    (begins && (0xDC00..0xE000).contains(&unit)).then_some(unit)
}

fn escape(at: usize) -> Error {
    syntax(at, "a text holds an escape that there is not")
}

pub(crate) fn syntax(at: usize, what: &str) -> Error {
    Error::Syntax { at, what: what.to_owned() }
}
