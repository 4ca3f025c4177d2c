//! Programs of others. `make test` installs them; where one is absent its tests say so and pass,
//! except under CI.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// The Python of `scripts/venv.sh`, where it is set up.
pub fn python() -> Option<PathBuf> {
    let venv = std::env::var_os("LINTEL_VENV").map(PathBuf::from);
    present(
        "Python (LINTEL_VENV, which `make test` sets)",
        venv.map(|venv| venv.join("bin/python")),
    )
}

/// A program on the path.
pub fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|p| p.is_file());
    present(name, found)
}

fn present(what: &str, found: Option<PathBuf>) -> Option<PathBuf> {
    let found = found.filter(|path| path.exists());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "{what} is missing");
    if found.is_none() {
        eprintln!("{what} is missing (`make setup-test`): this comparison is left out");
    }
    found
}

/// Runs one of our Python scripts on lines, each a list of texts; it answers with as many lines.
pub fn ask_python(script: &str, questions: &[Vec<String>]) -> Option<Vec<Vec<String>>> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(script);
    let mut child = Command::new(python()?)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = String::new();
    for question in questions {
        let fields: Vec<_> = question.iter().map(|field| BASE64_STANDARD.encode(field)).collect();
        input.push_str(&fields.join(" "));
        input.push('\n');
    }
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the Python script failed");
    let decode = |field: &str| String::from_utf8(BASE64_STANDARD.decode(field).unwrap()).unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Vec<String>> =
        answers.lines().map(|line| line.split(' ').map(decode).collect()).collect();
    assert_eq!(answers.len(), questions.len());
    Some(answers)
}

/// A folder with files for programs to read.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    /// Runs a program here; what it said, and whether it was content.
    pub fn run(&self, program: &PathBuf, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program)
            .args(arguments)
            .env("XML_CATALOG_FILES", self.0.path().join("catalog.xml"))
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }
}
