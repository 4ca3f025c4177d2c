//! Every page of Access in a browser: light, dark, on a phone, without scripts, by keyboard.

use lintel_tests::Failure;
use lintel_tests::miniflare::run_script;
use serde_json::json;

#[path = "../../crates/access/examples/pages/samples.rs"]
mod samples;

#[tokio::test]
async fn everybody_can_use_every_page() -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("lintel-pages-").tempdir()?;
    let pages = folder.path().join("pages.json");
    std::fs::write(&pages, json!(samples::all()).to_string())?;
    let variables = [("LINTEL_PAGES", pages.display().to_string())];
    println!("{}", run_script("tests/page/check.mjs", &variables).await?);
    Ok(())
}
