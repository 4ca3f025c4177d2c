//! `make run`: lintel-dev, on other ports and in a folder of its own.

use std::path::Path;

use lintel_dev::announcement::DEV_JSON;
use lintel_dev::child::{Program, tail};
use lintel_dev::origin::GREETING;
use lintel_tests::lintel::{binary, root, worker};
use lintel_tests::miniflare::{node, run_script};
use lintel_tests::ports::{Ports, loopback};
use lintel_tests::process::Process;
use lintel_tests::visitor::Visitor;
use lintel_tests::{Context as _, Failure, until};
use serde_json::Value;

struct Run {
    program: Program,
    folder: tempfile::TempDir,
    _ports: Ports,
    https: u16,
    http: u16,
}

impl Run {
    fn new() -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("lintel-run-").tempdir()?;
        let ports = Ports::reserve()?;
        let (https, http) = (ports.next()?, ports.next()?);
        let program = Program::new("lintel-dev", &binary("lintel-dev"), folder.path())
            .variable("LINTEL_DEV_STATE", &folder.path().join("state").display())
            .variable("LINTEL_DEV_HTTPS_PORT", &https)
            .variable("LINTEL_DEV_HTTP_PORT", &http)
            .variable("LINTEL_DEV_API_PORT", &ports.next()?)
            .variable("LINTEL_DEV_API_ADMIN_PORT", &ports.next()?)
            .variable("LINTEL_DEV_EDGE_ADMIN_PORT", &ports.next()?)
            .variable("LINTEL_DEV_ORIGIN_PORT", &ports.next()?)
            .variable("LINTEL_DEV_PROVIDER_PORT", &ports.next()?)
            .variable("LINTEL_DEV_APPLICATION_PORT", &ports.next()?)
            .variable("LINTEL_DEV_PROVIDER", &root().join("dev/provider/provider.mjs").display())
            .variable(
                "LINTEL_DEV_APPLICATION",
                &root().join("dev/application/application.mjs").display(),
            )
            .variable("LINTEL_NODE", &node().display())
            .variable("LINTEL_BIN_DIR", &binary("").display())
            .variable("LINTEL_WORKER_DIR", &worker().display())
            .variable(
                "LINTEL_WORKERD",
                &std::env::var("LINTEL_WORKERD").unwrap_or_else(|_| {
                    root().join("node_modules/workerd/bin/workerd").display().to_string()
                }),
            );
        Ok(Self { program, folder, _ports: ports, https, http })
    }

    /// Waits for dev.json.
    async fn healthy(&self, process: &Process) -> Result<Value, Failure> {
        let path = self.folder.path().join("state").join(DEV_JSON);
        let log = self.folder.path().join("lintel-dev.log");
        until("dev.json is there", async || {
            if let Some(exit) = process.ended() {
                let log = std::fs::read_to_string(&log)?;
                return Err(Failure::new(format!("lintel-dev ended: {exit}\n{log}")));
            }
            let text = std::fs::read_to_string(&path).context(std::fs::read_to_string(&log)?)?;
            Ok(serde_json::from_str(&text)?)
        })
        .await
    }

    async fn visit(&self, dev: &Value) -> Result<(), Failure> {
        let roots = std::fs::read_to_string(dev["ca_pem"].as_str().unwrap_or_default())?;
        let visitor = Visitor::new(loopback(self.https), loopback(self.http), &roots)?;
        let page = visitor.http2().get("https://shop.localhost/").await?.expect(200)?;
        assert!(page.text().contains(GREETING), "{}", page.text());
        Ok(())
    }
}

#[tokio::test]
async fn make_run_comes_up_survives_a_restart_and_leaves_nothing() -> Result<(), Failure> {
    let run = Run::new()?;
    let mut process = Process::start(run.program.clone())?;
    let first = run.healthy(&process).await?;
    for key in ["api", "token", "account_id", "zone_id", "edge_https", "edge_http", "ca_pem"] {
        assert!(first[key].is_string(), "{key}: {first}");
    }
    run.visit(&first).await?;
    assert_ne!(processes_below(run.folder.path())?, Vec::<String>::new());
    assert!(process.stop().await, "it ends when it is asked to");
    no_process_is_left(&run).await?;
    assert!(!run.folder.path().join("state").join(DEV_JSON).exists());

    process.restart().await?;
    let second = run.healthy(&process).await?;
    assert_eq!(first, second, "the state survives");
    run.visit(&second).await?;
    // Killed, it cannot take anything away; its children see that it is gone.
    process.kill().await?;
    no_process_is_left(&run).await
}

#[tokio::test]
async fn the_demo_user_signs_in_to_the_saml_application_and_out_again() -> Result<(), Failure> {
    let run = Run::new()?;
    let process = Process::start(run.program.clone())?;
    let dev = run.healthy(&process).await?;
    let said = run_script("tests/browser/demo.mjs", &[("LINTEL_BROWSER", dev.to_string())]).await;
    let logs = || {
        let log = |name| tail(&run.folder.path().join("state/log").join(name));
        ["application.log", "edge-tls.log", "control-api.log"].map(log).concat()
    };
    println!("{}", said.map_err(|failure| Failure::new(format!("{failure}\n{}", logs())))?);
    Ok(())
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_number_and_its_variable() -> Result<(), Failure> {
    let run = Run::new()?;
    let _other = std::net::TcpListener::bind(loopback(run.https))?;
    let process = Process::start(run.program.clone())?;
    let exit = until("it ends", async || process.ended().ok_or(Failure::new("it runs"))).await?;
    assert_eq!(exit, "exit code 1");
    let log = std::fs::read_to_string(run.folder.path().join("lintel-dev.log"))?;
    assert!(log.contains(&format!("port {} ", run.https)), "{log}");
    assert!(log.contains("LINTEL_DEV_HTTPS_PORT="), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_child_that_dies_ends_all_and_is_named() -> Result<(), Failure> {
    let run = Run::new()?;
    let process = Process::start(run.program.clone())?;
    run.healthy(&process).await?;
    let children = processes_below(run.folder.path())?;
    let child = children.iter().find(|line| line.contains("control-api"));
    let id = child.and_then(|line| line.split(' ').next()).unwrap_or_default();
    std::process::Command::new("/bin/kill").args(["-9", id]).status()?;
    let exit = until("it ends", async || process.ended().ok_or(Failure::new("it runs"))).await?;
    assert_eq!(exit, "exit code 1");
    let log = std::fs::read_to_string(run.folder.path().join("lintel-dev.log"))?;
    assert!(log.contains("control-api ended by itself (signal 9)"), "{log}");
    no_process_is_left(&run).await
}

async fn no_process_is_left(run: &Run) -> Result<(), Failure> {
    until("no process is left", async || {
        let left = processes_below(run.folder.path())?;
        if left.is_empty() { Ok(()) } else { Err(Failure::new(left.join("\n"))) }
    })
    .await
}

/// Who runs with this folder in its environment: `pid command`.
fn processes_below(folder: &Path) -> Result<Vec<String>, Failure> {
    let folder = folder.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Ok(environment) = std::fs::read(path.join("environ")) else { continue };
        let command = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let both = [environment, command.clone()].concat();
        if String::from_utf8_lossy(&both).contains(&folder) {
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(format!("{id} {command}"));
        }
    }
    Ok(found)
}
