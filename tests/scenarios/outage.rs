//! The edge goes on: killed under load, its workerd killed, the control plane down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use lintel_tests::visitor::Visitor;
use lintel_tests::{Failure, Lintel};
use serde_json::json;

const SHOP: &str = "shop.customer.test";

/// Visitors who come again and again.
struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicUsize>,
    wrong: Arc<AtomicUsize>,
    visitors: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(visitor: &Visitor, greeting: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (good, wrong) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let visitors = [visitor.clone(), visitor.http2()].map(|visitor| {
            let (stop, good, wrong) = (stop.clone(), good.clone(), wrong.clone());
            let greeting = greeting.to_owned();
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    // What fails while something is dead is no answer; a wrong answer would be one.
                    match visitor.get(&format!("https://{SHOP}/")).await {
                        Ok(page) if page.status == 200 && page.json()["greeting"] == greeting => {
                            good.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(page) if page.status < 500 => {
                            wrong.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(_) | Err(_) => tokio::task::yield_now().await,
                    }
                }
            })
        });
        Self { stop, good, wrong, visitors: visitors.into() }
    }

    /// Waits until so many more visits were good.
    async fn goes_on(&self, lintel: &Lintel, what: &str) -> Result<(), Failure> {
        let before = self.good.load(Ordering::Relaxed);
        lintel
            .until(what, async || {
                let more = self.good.load(Ordering::Relaxed) - before;
                if more >= 20 { Ok(()) } else { Err(Failure::new(format!("{more} good visits"))) }
            })
            .await
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for visitor in self.visitors {
            let _ = visitor.await;
        }
        self.wrong.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn edge_tls_and_workerd_are_killed_under_load() -> Result<(), Failure> {
    let mut lintel = Lintel::start().await?;
    lintel.onboard(SHOP).await?;
    let load = Load::start(&lintel.visitor()?, &lintel.origin.greeting);
    load.goes_on(&lintel, "visits are good").await?;

    let workerd = workerd_below(&lintel)?;
    kill(workerd)?;
    load.goes_on(&lintel, "visits are good again after workerd was killed").await?;
    assert_ne!(workerd_below(&lintel)?, workerd);

    lintel.edges[0].process.kill().await?;
    lintel.edges[0].process.restart().await?;
    load.goes_on(&lintel, "visits are good again after edge-tls was killed").await?;
    assert_eq!(load.end().await, 0, "no wrong answer at any time");

    lintel.ready().await?;
    lintel.onboard("next.customer.test").await?;
    Ok(())
}

#[tokio::test]
async fn without_the_control_plane_the_edge_serves_on_and_starts_again() -> Result<(), Failure> {
    let mut lintel = Lintel::start().await?;
    let shop = lintel.onboard(SHOP).await?;
    lintel.both_certificates(&shop.id).await?;
    assert!(lintel.control_api.stop().await, "control-api ends when it is asked to");
    let visitor = lintel.visitor()?;
    visitor.get(&format!("https://{SHOP}/")).await?.expect(200)?;

    assert!(lintel.edges[0].process.stop().await, "edge-tls ends when it is asked to");
    lintel.edges[0].process.restart().await?;
    let visit = async || visitor.get(&format!("https://{SHOP}/")).await?.expect(200);
    let page = lintel.until("the edge serves from its own disk", visit).await?;
    assert_eq!(page.json()["greeting"], lintel.origin.greeting);

    lintel.control_api.restart().await?;
    lintel.ready().await?;
    let next = lintel.create("next.customer.test", json!({})).await?;
    lintel.active(&next.id).await?;
    Ok(())
}

/// The child of edge-tls.
fn workerd_below(lintel: &Lintel) -> Result<i32, Failure> {
    let edge = lintel.edges[0].process.id().ok_or_else(|| Failure::new("edge-tls has ended"))?;
    for entry in std::fs::read_dir("/proc")? {
        let Ok(stat) = std::fs::read_to_string(entry?.path().join("stat")) else { continue };
        // pid (name) state parent ...; the name may hold anything.
        let Some((before, after)) = stat.rsplit_once(") ") else { continue };
        let parent = after.split(' ').nth(1).and_then(|parent| parent.parse::<i32>().ok());
        if parent == Some(edge) && before.contains("(workerd") {
            let id = before.split(' ').next().unwrap_or_default();
            return Ok(id.parse()?);
        }
    }
    Err(Failure::new(format!("no workerd below edge-tls ({edge})")))
}

fn kill(process: i32) -> Result<(), Failure> {
    let status =
        std::process::Command::new("/bin/kill").args(["-9", &process.to_string()]).status();
    if status?.success() { Ok(()) } else { Err(Failure::new("kill failed")) }
}
