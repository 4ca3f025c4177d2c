//! JSON that says everything once.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Whether no object in the text has two members of one name (RFC 7515 §4, RFC 7519 §4): where one
/// has, readers disagree about which of them counts. `false` for what is no JSON at all.
#[must_use]
pub fn says_everything_once(text: &[u8]) -> bool {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Once.deserialize(&mut deserializer).is_ok() && deserializer.end().is_ok()
}

struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Self)?;
            if !names.insert(name) {
                return Err(Error::custom("a name is repeated"));
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while list.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_name_is_found_at_every_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"c":2,"b":null}}"#,
            r#"[{"x":[{"a":1,"\u0061":2}]}]"#,
        ] {
            assert!(!says_everything_once(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_said_once_is_taken() {
        for text in [r#"{"a":{"a":[1,-1,1.5,"",null,true]},"b":{"a":1}}"#, "[]", "1"] {
            assert!(says_everything_once(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{}{}", r#"{"a":1e400}"#, r#"{"a":NaN}"#, deep.as_str()] {
            assert!(!says_everything_once(text.as_bytes()));
        }
    }
}
