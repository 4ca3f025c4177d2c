//! One environment variable: read, or refused with the remedy.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What is wrong with which variable, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{variable} {problem}. {remedy}")]
pub struct ConfigError {
    variable: String,
    problem: String,
    remedy: String,
}

/// Where values come from; an empty value counts as absent.
pub(super) struct Variables<'a> {
    pub(super) read: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.read)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn path(&self, name: &str, default: &str) -> PathBuf {
        self.text(name).map_or_else(|| PathBuf::from(default), PathBuf::from)
    }

    pub(super) fn parse<T: FromStr>(
        &self,
        name: &str,
        default: &str,
        remedy: &str,
    ) -> Result<T, ConfigError>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        text.parse().map_err(|error| wrong(name, format!("is {text:?}: {error}"), remedy))
    }

    pub(super) fn list<T: FromStr>(&self, name: &str, remedy: &str) -> Result<Vec<T>, ConfigError>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(name).unwrap_or_default();
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items
            .map(|item| {
                item.parse().map_err(|error| wrong(name, format!("has {item:?}: {error}"), remedy))
            })
            .collect()
    }

    pub(super) fn seconds(&self, name: &str, default: &str) -> Result<Duration, ConfigError> {
        let seconds: f64 = self.parse(name, default, SECONDS)?;
        let duration = Duration::try_from_secs_f64(seconds).ok().filter(|d| !d.is_zero());
        duration.ok_or_else(|| wrong(name, format!("is {seconds}"), SECONDS))
    }

    /// `NAME`, or the content of the file that `NAME_FILE` names.
    pub(super) fn secret(&self, name: &str, remedy: &str) -> Result<String, ConfigError> {
        if let Some(text) = self.text(name) {
            return Ok(text);
        }
        let file_variable = format!("{name}_FILE");
        let Some(file) = self.text(&file_variable) else {
            return Err(wrong(name, "is missing".to_owned(), remedy));
        };
        let text = std::fs::read_to_string(&file).map_err(|error| {
            wrong(&file_variable, format!("names {file:?}, which cannot be read: {error}"), remedy)
        })?;
        let text = text.trim().to_owned();
        if text.is_empty() {
            return Err(wrong(&file_variable, format!("names {file:?}, which is empty"), remedy));
        }
        Ok(text)
    }
}

pub(super) fn wrong(variable: &str, problem: String, remedy: &str) -> ConfigError {
    ConfigError { variable: variable.to_owned(), problem, remedy: remedy.to_owned() }
}

const SECONDS: &str = "Write a number of seconds above 0";
