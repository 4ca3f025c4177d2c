//! Colours of the operator's, and the text that can be read on them (WCAG 2.2 §1.4.3).

use std::fmt;

/// A colour of sRGB. Nothing else gets into our style sheet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Colour([u8; 3]);

/// WCAG 2.2 AA for text of any size.
const READABLE: f64 = 4.5;

impl Colour {
    const BLACK: Self = Self([0; 3]);
    const WHITE: Self = Self([0xFF; 3]);

    /// `#rrggbb` or `#rgb`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix('#')?;
        let digits: Vec<u8> = digits
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let channels: Vec<u8> = match digits.len() {
            3 => digits.iter().map(|digit| digit * 17).collect(),
            6 => digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect(),
            _ => return None,
        };
        channels.try_into().ok().map(Self)
    }

    /// The colour of text on this one: as wanted, if that can be read; else black or white.
    pub(super) fn text(self, wanted: Option<Self>) -> Self {
        let readable = wanted.filter(|wanted| self.contrast(*wanted) >= READABLE);
        let [black, white] = [Self::BLACK, Self::WHITE].map(|text| self.contrast(text));
        readable.unwrap_or(if black > white { Self::BLACK } else { Self::WHITE })
    }

    /// Whether a whole page of it would dazzle at night.
    pub(super) fn is_light(self) -> bool {
        self.luminance() > 0.3
    }

    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_are_read() {
        for (text, colour) in [("#1A2b3c", "#1a2b3c"), ("#fff", "#ffffff"), (" #000 ", "#000000")] {
            assert_eq!(Colour::parse(text).unwrap().to_string(), colour);
        }
        for text in ["", "red", "fff", "#ffff", "#12345g", "#fff;}", "rgb(0,0,0)", "#１２３"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn text_can_be_read_on_every_colour() {
        for step in 0..4096_u32 {
            let channel = |at: u32| u8::try_from(step >> at & 0xF).unwrap() * 17;
            let colour = Colour([channel(8), channel(4), channel(0)]);
            for wanted in [None, Some(colour), Some(Colour([0x77; 3]))] {
                let text = colour.text(wanted);
                assert!(colour.contrast(text) >= READABLE, "{text} on {colour}");
            }
        }
        let navy = Colour::parse("#001f3f").unwrap();
        let wanted = Colour::parse("#ffdc00");
        assert_eq!(Some(navy.text(wanted)), wanted, "what can be read stays");
    }
}
