//! Prints every page of Access as JSON, to look at and to check.

mod samples;

fn main() {
    println!("{}", serde_json::json!(samples::all()));
}
