//! The probe client: a fixed number of new connections to each target, all targets at the same time.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::dns;
use super::spec::{PathResult, Results, Spec, Target, TargetKind};
use crate::error::{Error, Result};

/// A connection that is not answered within this time is lost.
const PATIENCE: Duration = Duration::from_secs(1);
/// A kubelet keeps 4096 bytes of a termination message.
const ERROR_LENGTH: usize = 80;

/// Probes all targets and writes the results.
pub(super) async fn run(spec: &str, result: &Path) -> Result<()> {
    let spec: Spec = serde_json::from_str(spec)
        .map_err(|e| Error::usage(format!("--spec is not a probe specification: {e}")))?;
    let pause = Duration::from_millis(spec.interval_ms.max(1));
    let probes = spec.targets.into_iter().map(|target| probe(target, spec.attempts, pause));
    let results = Results { results: futures::future::join_all(probes).await };
    let text = serde_json::to_string(&results).map_err(|e| Error::failed(format!("results: {e}")))?;
    std::fs::write(result, text)
        .map_err(|e| Error::failed(format!("results could not be written to {}: {e}", result.display())))
}

async fn probe(target: Target, attempts: u32, pause: Duration) -> PathResult {
    let mut result = PathResult { id: target.id.clone(), ..PathResult::default() };
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent_since = None;
    for _ in 0..attempts {
        let now = ticks.tick().await;
        result.sent += 1;
        match timeout(PATIENCE, once(&target)).await.unwrap_or_else(|_| Err("timed out".into())) {
            Ok(()) => {
                result.ok += 1;
                silent_since = None;
            }
            Err(text) => {
                let since = *silent_since.get_or_insert(now);
                let gap = (tokio::time::Instant::now() - since).max(pause);
                result.longest_gap_ms =
                    result.longest_gap_ms.max(u64::try_from(gap.as_millis()).unwrap_or(u64::MAX));
                result.error = text.chars().take(ERROR_LENGTH).collect();
            }
        }
    }
    result
}

async fn once(target: &Target) -> Result<(), String> {
    match target.kind {
        TargetKind::Dns => dns::resolve(&target.address, &target.name).await,
        TargetKind::Tcp => {
            let stream = TcpStream::connect(&target.address).await.map_err(|e| e.to_string())?;
            if target.name.is_empty() {
                return Ok(());
            }
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.map_err(|e| e.to_string())?;
            let seen = line.trim_end();
            if seen == target.name { Ok(()) } else { Err(format!("answered by \"{seen}\"")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn answers_are_counted_and_a_wrong_server_is_a_loss() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let address = listener.local_addr().expect("an address").to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(b"n2\n").await;
            }
        });
        let target = |name: &str| Target {
            id: name.into(),
            kind: TargetKind::Tcp,
            address: address.clone(),
            name: name.into(),
        };
        let right = probe(target("n2"), 5, Duration::from_millis(1)).await;
        assert_eq!((right.sent, right.ok, right.longest_gap_ms), (5, 5, 0));
        let wrong = probe(target("n3"), 3, Duration::from_millis(1)).await;
        assert_eq!((wrong.sent, wrong.ok, wrong.error.as_str()), (3, 0, "answered by \"n2\""));
        assert!(wrong.longest_gap_ms >= 1);
    }
}
