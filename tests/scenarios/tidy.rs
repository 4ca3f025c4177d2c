//! The house stays as it was drawn: who may import whom, and files that fit in the head.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Room by room, what of ours it may import: the table of docs/architecture.md.
const HOUSE: [(&str, &[&str]); 11] = [
    ("edge-state", &[]),
    ("saml", &[]),
    ("jsonata", &[]),
    ("access", &["edge-state", "jsonata", "saml"]),
    ("lifecycle", &["edge-state"]),
    ("routing", &["edge-state", "access"]),
    ("edge-worker", &["edge-state", "access", "routing", "saml"]),
    ("edge-tls", &["edge-state", "routing"]),
    ("control-api", &["edge-state", "lifecycle", "access", "saml"]),
    ("lintel-dev", &[]),
    ("lintel-tests", &["edge-state", "lintel-dev"]),
];

/// Above this a file has more than one reason to exist.
const LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn output_of(command: &mut Command) -> Vec<u8> {
    let output = command.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn each_room_imports_what_it_may_and_nothing_else() {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let metadata = output_of(Command::new(env!("CARGO")).args(arguments));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: BTreeSet<_> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(ours, HOUSE.iter().map(|(room, _)| *room).collect());
    for package in packages {
        let room = package["name"].as_str().unwrap();
        let (_, may) = HOUSE.iter().find(|(name, _)| *name == room).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            let in_tests = dependency["kind"] == "dev";
            assert!(
                in_tests || !ours.contains(name) || may.contains(&name),
                "{room} may not import {name}: see the table in docs/architecture.md"
            );
        }
    }
}

#[test]
fn a_file_fits_in_the_head() {
    let files = output_of(Command::new("git").args(["ls-files", "*.rs", "*.mjs", "*.py", "*.sh"]));
    let too_long = |file: &str| {
        let lines = std::fs::read_to_string(root().join(file)).ok()?.lines().count();
        (lines > LINES).then(|| format!("{file}: {lines} lines"))
    };
    let files = String::from_utf8(files).unwrap();
    let long: Vec<String> = files.lines().filter_map(too_long).collect();
    assert!(long.is_empty(), "split by reason to change: {long:#?}");
}
