//! What can be wrong with an expression. No message holds a value of the input.

/// Why an expression is not read or has no result. Positions are bytes from its beginning.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Longer than [`crate::MAX_LENGTH`].
    #[error("the expression is longer than {} bytes", crate::MAX_LENGTH)]
    TooLong,
    /// Not of the language.
    #[error("at {at}: {what}")]
    Syntax {
        /// Where.
        at: usize,
        /// What was found, and what was expected.
        what: String,
    },
    /// Of the language, but not here.
    #[error("at {at}: {what} is not supported")]
    Unsupported {
        /// Where.
        at: usize,
        /// Of what there is none here.
        what: String,
    },
    /// Operands or arguments of the wrong type.
    #[error("{0}")]
    Type(String),
    /// `$error` or `$assert`, in the expression's own words.
    #[error("{0}")]
    Raised(String),
    /// A number that is none.
    #[error("the result of a calculation is not a number")]
    NotANumber,
    /// Work without end.
    #[error("it takes too many steps")]
    Steps,
    /// Data without end.
    #[error("it makes too much data")]
    Memory,
    /// Functions in functions, or lists in lists.
    #[error("it is nested too deep")]
    Depth,
}

/// Arguments that a function does not take.
pub(crate) fn wrong(name: &str, what: &str) -> Error {
    Error::Type(format!("${name}: {what}"))
}
