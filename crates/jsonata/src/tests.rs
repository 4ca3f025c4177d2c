use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

mod hostile;
mod language;

/// A result, or what is said in its place.
fn run(expression: &str, input: &Json) -> Result<Option<Json>, Error> {
    Expression::parse(expression)?.evaluate(input)
}

fn person() -> Json {
    json!({
        "id": "00u1",
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "age": 36,
        "none": null,
        "empty": [],
        "groups": [
            { "id": "1", "name": "Global Administrator", "size": 3 },
            { "id": "2", "name": "Reader", "size": 20 },
            { "id": "3", "name": "Application Administrator", "size": 3 },
        ],
        "address": { "city": "London", "lines": ["St James's Square", "12"] },
        "a b": { "c": true },
    })
}
