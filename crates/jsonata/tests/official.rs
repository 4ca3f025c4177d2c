//! JSONata's own test suite, which `scripts/jsonata-suite.sh` fetches. `make test` says where it is;
//! without it this comparison is left out aloud, except under CI.

#![allow(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jsonata::{Error, Expression};
use serde_json::Value;

/// Cases that come out otherwise, and why. All others pass, or are refused as unsupported.
const OTHERWISE: [(&str, usize, &str); 18] = [
    ("descendent-operator", 1, "input that is not there, of which there is none here"),
    ("encoding", 2, "as above"),
    ("flattening", 7, "input that is a list; longer lists than are made"),
    ("function-each", 1, "members are in the order of their names"),
    ("function-keys", 1, "as above"),
    ("function-number", 3, "numbers that are not decimal"),
    ("function-round", 1, "more than 20 digits"),
    ("function-spread", 1, "members are in the order of their names"),
    ("function-string", 6, "as above; large numbers are written as JavaScript writes them"),
    ("function-trim", 1, "input that is not there"),
    ("hof-reduce", 1, "a function of too few parameters is called all the same"),
    ("lambdas", 3, "deeper recursion than there may be"),
    ("matchers", 1, "functions in place of regular expressions"),
    ("range-operator", 2, "longer lists than are made"),
    ("sorting", 3, "input that is a list"),
    ("tail-recursion", 3, "deeper recursion than there may be"),
    ("transform", 1, "input that is not there"),
    ("wildcards", 1, "members are in the order of their names"),
];

/// Cases of which the language lacks something here.
const UNSUPPORTED: usize = 476;

#[test]
fn the_official_suite_passes_but_for_what_is_known() {
    let Some(suite) = suite() else { return };
    let (mut passed, mut unsupported, mut otherwise) = (0, 0, BTreeMap::new());
    for (group, case) in cases(&suite) {
        match outcome(&suite, &case) {
            Outcome::Passed => passed += 1,
            Outcome::Unsupported => unsupported += 1,
            Outcome::Otherwise => *otherwise.entry(group).or_insert(0) += 1,
        }
    }
    let known: BTreeMap<String, usize> =
        OTHERWISE.iter().map(|(group, count, _)| ((*group).to_owned(), *count)).collect();
    assert_eq!(otherwise, known);
    assert_eq!(unsupported, UNSUPPORTED);
    assert_eq!(passed, 1_078);
}

enum Outcome {
    Passed,
    Unsupported,
    Otherwise,
}

fn suite() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test asks its surroundings")]
    let found = |name| std::env::var(name).ok();
    let suite = found("LINTEL_JSONATA_SUITE").map(PathBuf::from).filter(|path| path.is_dir());
    assert!(suite.is_some() || found("CI").is_none(), "LINTEL_JSONATA_SUITE is missing");
    if suite.is_none() {
        eprintln!("LINTEL_JSONATA_SUITE is missing (`make test` sets it): this is left out");
    }
    suite
}

/// Every case, its text beside it, by its group.
fn cases(suite: &Path) -> Vec<(String, Value)> {
    let mut cases = Vec::new();
    let folders = ["groups", "skip"].map(|part| fs::read_dir(suite.join(part)).unwrap());
    for folder in folders.into_iter().flatten() {
        let folder = folder.unwrap();
        let group = folder.file_name().into_string().unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            // Some hold halves of characters, which are no text.
            let text = fs::read_to_string(&path).unwrap();
            let Ok(json) = serde_json::from_str::<Value>(&text) else { continue };
            let several = match json {
                Value::Array(several) => several,
                one => vec![one],
            };
            for mut case in several {
                if let Some(name) = case["expr-file"].as_str() {
                    let text = fs::read_to_string(path.with_file_name(name)).unwrap();
                    case["expr"] = text.into();
                }
                // Variables from outside are not offered.
                if case["bindings"].as_object().is_none_or(serde_json::Map::is_empty) {
                    cases.push((group.clone(), case));
                }
            }
        }
    }
    assert!(cases.len() > 1_500, "{}", cases.len());
    cases
}

fn outcome(suite: &Path, case: &Value) -> Outcome {
    let data = match case["dataset"].as_str() {
        Some(name) => {
            let path = suite.join("datasets").join(name).with_extension("json");
            serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
        }
        None => case["data"].clone(),
    };
    let expression = case["expr"].as_str().unwrap_or_default();
    let got = Expression::parse(expression).and_then(|expression| expression.evaluate(&data));
    let right = match got {
        Err(Error::Unsupported { .. }) => return Outcome::Unsupported,
        Err(_) => case.get("code").is_some() || case.get("error").is_some(),
        Ok(None) => case.get("undefinedResult").is_some(),
        Ok(Some(value)) => case.get("result").is_some_and(|result| same(&value, result)),
    };
    if right { Outcome::Passed } else { Outcome::Otherwise }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(1.0)
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(k, v)| b.get(k).is_some_and(|other| same(v, other)))
        }
        _ => a == b,
    }
}
