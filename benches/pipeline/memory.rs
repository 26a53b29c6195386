//! What one webhook of the largest size makes `ingest` hold.

use super::{
    ingest,
    load::exchange,
    point::{Figures, Place, Points},
    webhook::Webhook,
    world::{Database, World},
};
use std::time::Instant;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// `POUNDCAKE_MAX_BODY_BYTES`.
pub const BODY: usize = 32 << 20;
/// The name of the point.
pub const SYSTEM: &str = "one 32 MiB webhook";

/// Sends one to a new process and reads its peak.
pub fn measure(world: &World, database: &Database, points: &mut Points) -> anyhow::Result<()> {
    ingest::reset(world, database)?;
    let (one, two) = (Webhook::new(1).next().len(), Webhook::new(2).next().len());
    let alerts = (BODY - one) / (two - one);
    let mut webhook = Webhook::new(alerts);
    let child = ingest::ingest(world, database)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    let status = runtime.block_on(async {
        let mut stream = TcpStream::connect(child.address).await?;
        let body = webhook.next();
        let head = format!("POST /api/v1/webhook HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        exchange(&mut stream, &mut Vec::new()).await
    })?;
    anyhow::ensure!(status == "202", "the largest webhook was answered {status}");
    let seconds = begun.elapsed().as_secs_f64();
    ingest::drained(database)?;
    let figures = Figures::from([("rss_mib".to_owned(), child.peak_rss_mib()), ("seconds".to_owned(), seconds)]);
    points.add(Place::new(SYSTEM, alerts, 1), figures);
    Ok(())
}
