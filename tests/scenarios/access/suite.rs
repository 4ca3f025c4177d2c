//! What the browser suites have in common: the world that they are told of, and how they run.

use lintel_tests::Failure;
use lintel_tests::lintel::root;
use lintel_tests::miniflare::run_script;
use lintel_tests::team::provider::PASSWORD;
use lintel_tests::team::{Team, allow};
use serde_json::{Value, json};

/// A suite below `tests/browser`, before it runs.
pub struct Suite<'a> {
    /// For people.
    pub name: &'a str,
    /// The script.
    pub script: &'a str,
    /// Whether it takes photographs.
    pub screenshots: bool,
}

impl Suite<'_> {
    /// Runs it to its end. `more` is told beside what every suite is told.
    pub async fn run(&self, team: &Team, more: Value) -> Result<(), Failure> {
        let screenshots = root().join("target/screenshots");
        if self.screenshots {
            std::fs::create_dir_all(&screenshots)?;
        }
        let mut world = json!({
            "name": self.name,
            "team": team.url,
            "providers": team.providers,
            "password": PASSWORD,
            "mails": team.mailbox.log(),
            "api": {
                "url": team.lintel.api.base(),
                "token": team.lintel.api.token(),
                "account": team.lintel.account,
            },
            "screenshots": self.screenshots.then_some(screenshots),
        });
        if let (Some(world), Value::Object(more)) = (world.as_object_mut(), more) {
            world.extend(more);
        }
        let variables = [("LINTEL_BROWSER", world.to_string())];
        let said = run_script(&format!("tests/browser/{}", self.script), &variables).await;
        let logs = || team.lintel.log_tails().unwrap_or_default();
        println!("{}", said.map_err(|failure| Failure::new(format!("{failure}\n{}", logs())))?);
        Ok(())
    }
}

/// A gated application for everybody in front of the team's origin; its URL.
pub async fn intranet(team: &Team) -> Result<String, Failure> {
    let url = team.hostname(INTRANET, &format!("http://{}", team.origin.address)).await?;
    team.application(INTRANET, json!({ "policies": everybody() })).await?;
    Ok(url)
}

/// The App Launcher, for everybody.
pub async fn launcher(team: &Team) -> Result<(), Failure> {
    let launcher = json!({ "type": "app_launcher", "name": "Launcher", "domain": null, "policies": everybody() });
    team.application("launcher", launcher).await.map(drop)
}

/// A policy that lets everybody in who signs in.
pub fn everybody() -> Value {
    allow(&json!([{ "everyone": {} }]))
}

/// Where [`intranet`] is.
pub const INTRANET: &str = "intranet.saas.test";
