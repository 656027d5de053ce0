//! The probe server: whoever connects is told which node answered.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::PORT;
use crate::error::{Error, Result};

/// Serves until SIGTERM.
pub(super) async fn run(name: &str) -> Result<()> {
    let address = std::net::SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, PORT));
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind(("0.0.0.0", PORT)).await.map_err(|e| broken("listen", &e))?,
    };
    let mut stop = signal(SignalKind::terminate()).map_err(|e| broken("wait for SIGTERM", &e))?;
    let greeting = format!("{name}\n");
    loop {
        tokio::select! {
            _ = stop.recv() => return Ok(()),
            accepted = listener.accept() => {
                if let Ok((mut stream, _)) = accepted {
                    // A client that went away is no concern of the server.
                    let _ = stream.write_all(greeting.as_bytes()).await;
                }
            }
        }
    }
}

fn broken(doing: &str, error: &std::io::Error) -> Error {
    Error::failed(format!("the probe server could not {doing} on port {PORT}: {error}"))
}
