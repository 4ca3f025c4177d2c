//! Reads and judges single variables.

use std::fmt;
use std::str::FromStr;

use edge_state::seal::SealingKey;
use secrecy::{ExposeSecret as _, SecretString};

/// What is wrong with one variable.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {problem}: {remedy}")]
pub struct ConfigError {
    variable: String,
    problem: String,
    remedy: &'static str,
}

/// Reads and judges single variables.
pub(super) struct Env<'a> {
    pub(super) look_up: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.look_up)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn parse<T>(
        &self,
        name: &str,
        default: &str,
        remedy: &'static str,
    ) -> Result<T, ConfigError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        text.parse().map_err(|error| wrong(name, &format!("is {text:?}: {error}"), remedy))
    }

    pub(super) fn list<T>(&self, name: &str, remedy: &'static str) -> Result<Vec<T>, ConfigError>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text(name).unwrap_or_default();
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items
            .map(|item| {
                item.parse().map_err(|error| wrong(name, &format!("has {item:?}: {error}"), remedy))
            })
            .collect()
    }

    pub(super) fn switch(&self, name: &str, default: bool) -> Result<bool, ConfigError> {
        match self.text(name).as_deref() {
            None => Ok(default),
            Some("true" | "on" | "1" | "yes") => Ok(true),
            Some("false" | "off" | "0" | "no") => Ok(false),
            Some(other) => Err(wrong(name, &format!("is {other:?}"), "write `on` or `off`")),
        }
    }

    pub(super) fn file(&self, name: &str) -> Result<Option<Vec<u8>>, ConfigError> {
        let Some(path) = self.text(name) else { return Ok(None) };
        let read = std::fs::read(&path);
        let remedy = "name a file that this process may read";
        read.map(Some).map_err(|error| wrong(name, &format!("names {path}: {error}"), remedy))
    }

    /// The variable itself, or the content of the file that `{name}_FILE` names.
    pub(super) fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_variable = format!("{name}_FILE");
        let inline = (self.look_up)(name).filter(|text| !text.trim().is_empty());
        match (inline, self.file(&file_variable)?) {
            (Some(_), Some(_)) => {
                let problem = format!("is set, and {file_variable} too");
                Err(wrong(name, &problem, "set one of them"))
            }
            (Some(text), None) => Ok(Some(SecretString::from(text.trim().to_owned()))),
            (None, Some(bytes)) => {
                let remedy = "write text, as made by `openssl rand -base64 32`";
                let text = String::from_utf8(bytes)
                    .map_err(|_| wrong(&file_variable, "names a file that is not text", remedy))?;
                Ok(Some(SecretString::from(text.trim().to_owned())))
            }
            (None, None) => Ok(None),
        }
    }

    /// A secret that travels in an `Authorization` header.
    pub(super) fn token(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let Some(token) = self.secret(name)? else { return Ok(None) };
        let text = token.expose_secret();
        if text.len() < MIN_TOKEN || !text.bytes().all(|b| b.is_ascii_graphic()) {
            let remedy = "make one with `openssl rand -hex 32`";
            return Err(wrong(name, "is shorter than 16 characters or has spaces in it", remedy));
        }
        Ok(Some(token))
    }

    pub(super) fn required_token(&self, name: &str) -> Result<SecretString, ConfigError> {
        let remedy = "make one with `openssl rand -hex 32` and give it to every point of presence";
        self.token(name)?.ok_or_else(|| wrong(name, "is not set", remedy))
    }

    pub(super) fn sealing_keys(&self, name: &str) -> Result<SecretString, ConfigError> {
        let remedy = "write `id:` and 32 random bytes in base64, as in `k1:$(openssl rand -base64 32)`; \
                      previous keys stand on further lines";
        let keys = self.secret(name)?.ok_or_else(|| wrong(name, "is not set", remedy))?;
        for line in keys.expose_secret().lines().filter(|line| !line.trim().is_empty()) {
            SealingKey::parse(line)
                .map_err(|error| wrong(name, &format!("is no key ({error})"), remedy))?;
        }
        Ok(keys)
    }
}

/// What is wrong, and what to do.
pub(super) fn wrong(variable: &str, problem: &str, remedy: &'static str) -> ConfigError {
    ConfigError { variable: variable.to_owned(), problem: problem.to_owned(), remedy }
}

const MIN_TOKEN: usize = 16;
