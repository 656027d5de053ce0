//! The HTTP door: a port on loopback, and the kubeconfig that leads to it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

use crate::sim::value::json;

use super::api;
use super::cluster::Task;
use super::world::Shared;

/// An open door; it closes when dropped.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    kubeconfig: PathBuf,
    _folder: TempDir,
    _listener: Task,
}

impl Door {
    pub(super) async fn open(shared: Shared, name: &str, at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("config");
        let content = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": api::USER, "user": {}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": api::USER}}],
        });
        std::fs::write(&kubeconfig, content.to_string())?;
        let listener = Task::spawn(accept(listener, shared));
        Ok(Self { address, kubeconfig, _folder: folder, _listener: listener })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Path of the kubeconfig; its one context is called as the cluster is.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

async fn accept(listener: TcpListener, shared: Shared) {
    loop {
        // A connection that could not be accepted is the client's to try again.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve(stream, shared.clone()));
    }
}

async fn serve(stream: TcpStream, shared: Shared) {
    // Small writes must not wait for acknowledgements.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request: http::Request<Incoming>| {
        let shared = shared.clone();
        async move { api::handle(&shared, request).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of the embedded cluster ended");
    }
}
