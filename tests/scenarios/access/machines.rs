//! Machines come in by their certificates, and only from where they may; what was decided reaches
//! the login log, whoever was away meanwhile.

use lintel_tests::authority::issuer;
use lintel_tests::lintel::root;
use lintel_tests::ports::loopback;
use lintel_tests::team::TEAM;
use lintel_tests::visitor::{Page, Visitor};
use lintel_tests::{Failure, Lintel};
use rcgen::{CertificateParams, CertifiedIssuer, DistinguishedName, DnType, KeyPair};
use reqwest::Method;
use rustls_pki_types::PrivateKeyDer;
use serde_json::{Value, json};

const APP: &str = "machines.saas.test";

/// A gated application for machines of one CA: robots come in at `/`, and at `/abroad` only from
/// France, where nobody is.
struct Gated {
    lintel: Lintel,
    robots: CertifiedIssuer<'static, KeyPair>,
}

impl Gated {
    async fn start() -> Result<Self, Failure> {
        let mut lintel = Lintel::start().await?;
        let countries = root().join("edge-tls/tests/country/german.mmdb"); // 127.0.0.0/8 is German.
        let restarted = lintel.edges[0].process.restart_as(|program| {
            program.variable("LINTEL_COUNTRY_DATABASE", &countries.display())
        });
        restarted.await?;
        lintel.ready().await?;
        lintel.dns.address(TEAM, loopback(0).ip()).await?;
        lintel.onboard(APP).await?;
        let gated = Self { lintel, robots: issuer()? };
        let organization = json!({ "name": "SaaS", "auth_domain": TEAM });
        gated.access(Method::PUT, "organizations", Some(organization)).await?;
        let authority = json!({
            "name": "robots", "certificate": gated.robots.pem(), "associated_hostnames": [APP],
        });
        gated.access(Method::POST, "certificates", Some(authority)).await?;
        for (domain, country) in [(APP.to_owned(), "DE"), (format!("{APP}/abroad"), "FR")] {
            let application = json!({
                "type": "self_hosted", "name": domain, "domain": domain,
                "policies": [{
                    "name": "robots", "decision": "non_identity",
                    "include": [{ "common_name": { "common_name": "robot-7" } }],
                    "require": [{ "geo": { "country_code": country } }],
                }],
            });
            gated.access(Method::POST, "apps", Some(application)).await?;
        }
        let nobody = gated.lintel.visitor()?;
        let gate = gated.lintel.until("the gate stands", async || {
            nobody.get(&format!("https://{APP}/abroad")).await?.expect(403).map(drop)
        });
        gate.await?;
        Ok(gated)
    }

    async fn access(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Failure> {
        let path = format!("/accounts/{}/access/{path}", self.lintel.account);
        self.lintel.api.call(method, &path, body).await?.result()
    }

    /// A machine of this name, with a certificate of this CA.
    fn machine(
        &self,
        name: &str,
        issuer: &CertifiedIssuer<'static, KeyPair>,
    ) -> Result<Visitor, Failure> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, issuer)?.der().clone();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Ok(self.lintel.visitor()?.showing(certificate, key))
    }

    /// Until so many decisions wait on the edge's disk.
    async fn waiting(&self, decisions: usize) -> Result<(), Failure> {
        let admin = self.lintel.edges[0].admin;
        let line = format!("lintel_edge_login_events_waiting {decisions}");
        self.lintel
            .until(&line, async || {
                let metrics = self.lintel.metrics(admin).await?;
                let waits = metrics.lines().any(|other| other == line);
                if waits { Ok(()) } else { Err(Failure::new(metrics)) }
            })
            .await
    }

    /// The line of the login log about this answer.
    async fn logged(&self, page: &Page) -> Result<Value, Failure> {
        let ray = page.header("cf-ray").to_owned();
        self.lintel
            .until("the decision is logged", async || {
                let path = format!("logs/access_requests?ray_id={ray}");
                let lines = self.access(Method::GET, &path, None).await?;
                let line = lines.as_array().and_then(|lines| lines.first()).cloned();
                line.ok_or_else(|| Failure::new(format!("no line about {ray}")))
            })
            .await
    }
}

#[tokio::test]
async fn a_machine_comes_in_by_its_certificate_and_from_its_country() -> Result<(), Failure> {
    let gated = Gated::start().await?;
    let robot = gated.machine("robot-7", &gated.robots)?;
    let page = gated
        .lintel
        .until("the robot comes in", async || {
            robot.get(&format!("https://{APP}/x")).await?.expect(200)
        })
        .await?;
    assert_eq!(page.json()["greeting"], gated.lintel.origin.greeting);
    robot.http2().get(&format!("https://{APP}/x")).await?.expect(200)?;

    let abroad = robot.get(&format!("https://{APP}/abroad")).await?.expect(403)?;
    let line = gated.logged(&abroad).await?;
    assert_eq!((&line["allowed"], &line["country"]), (&json!(false), &json!("DE")), "{line}");

    let another = gated.machine("robot-8", &gated.robots)?;
    another.get(&format!("https://{APP}/x")).await?.expect(403)?;
    gated.lintel.visitor()?.get(&format!("https://{APP}/x")).await?.expect(403)?;
    let forged = robot.header("cf-blob", r#"{"country":"FR"}"#);
    forged.get(&format!("https://{APP}/abroad")).await?.expect(403)?;

    let stranger = gated.machine("robot-7", &issuer()?)?;
    let refused = stranger.get(&format!("https://{APP}/x")).await;
    let why = refused.err().map(|failure| failure.to_string()).unwrap_or_default();
    assert!(why.contains("alert"), "a certificate of another CA ends the connection: {why}");
    Ok(())
}

#[tokio::test]
async fn decisions_reach_the_log_whoever_was_away() -> Result<(), Failure> {
    let mut gated = Gated::start().await?;
    let nobody = gated.lintel.visitor()?;
    let before = nobody.get(&format!("https://{APP}/x")).await?.expect(403)?;
    gated.logged(&before).await?;
    // What is logged may still be unanswered, and would then be told once more.
    gated.waiting(0).await?;

    gated.lintel.control_api.kill().await?;
    let meanwhile = nobody.get(&format!("https://{APP}/x")).await?.expect(403)?;
    gated.waiting(1).await?;
    gated.lintel.edges[0].process.kill().await?;
    gated.lintel.edges[0].process.restart().await?;
    gated.lintel.control_api.restart().await?;
    gated.lintel.ready().await?;
    let line = gated.logged(&meanwhile).await?;
    assert_eq!(line["allowed"], json!(false), "{line}");
    Ok(())
}
