//! A large cluster behind an API server of its own process, that invents each page and counts what it sends; and the
//! figures of processes.

// Every bench is a crate of its own and uses a part of this.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "shared by benches that each use a part")]

mod cluster;
mod figures;

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use cni_migrate::kube::{Connection, Settings, connect};
use cni_migrate::observe::{Observer, Wanted, record};
use cni_migrate::snapshot::write;
use serde_json::{Value, json};

pub use cluster::{Cluster, PODS_PER_NODE};
pub use figures::{Cost, memory, processor, tool};

/// The first argument of a process that is to be the API server; the number of nodes follows.
const SERVE: &str = "serve-large-cluster";
/// Objects in a page; the client asks for as many.
const PAGE: usize = 500;

static SENT: AtomicU64 = AtomicU64::new(0);

/// A bench's answer.
pub type Answer<T> = Result<T, Box<dyn Error>>;

/// Is the API server where this process was started as one.
pub fn serve_if_asked() -> Option<ExitCode> {
    let mut args = std::env::args().skip(1);
    (args.next().as_deref() == Some(SERVE)).then_some(())?;
    let nodes = args.next().and_then(|n| n.parse().ok())?;
    Some(serve(Cluster { nodes }).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

/// The process that serves a cluster; it ends with this value.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts this program once more as the API server of a cluster of so many nodes.
    pub fn start(nodes: usize) -> Answer<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([SERVE, &nodes.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// Seconds of processor time that it took so far.
    pub fn processor(&self) -> Answer<f64> {
        processor(&self.child.id().to_string())
    }

    /// The tool's own way to it.
    pub async fn connect(&self) -> Answer<Connection> {
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "large",
            "clusters": [{"name": "large", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "large", "user": {}}],
            "contexts": [{"name": "large", "context": {"cluster": "large", "user": "large"}}],
        });
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(kubeconfig.to_string().as_bytes())?;
        let settings = Settings { kubeconfig: Some(file.path().to_owned()), ..Settings::default() };
        Ok(connect(&settings).await?.0)
    }
}

/// What a snapshot was made of.
pub struct Taken {
    /// Objects in the file.
    pub objects: u64,
    /// How many of them are pods.
    pub pods: u64,
    /// Bytes of JSON that the API server sent for it.
    pub sent: u64,
}

impl Server {
    /// Takes a snapshot of the cluster as the tool does.
    pub async fn snapshot(&self, out: &mut impl Write) -> Answer<Taken> {
        let reader = self.connect().await?.reader;
        let observer = Observer::new(reader.clone(), "large").await?;
        // A rehearsal brings its own helm; what this machine has must not be in a figure.
        let helm = Err(cni_migrate::error::Error::helm("none"));
        let wanted = Wanted {
            at: jiff::Timestamp::UNIX_EPOCH,
            tool: env!("CARGO_PKG_VERSION"),
            host: "127.0.0.1",
            helm: &helm,
            release: "cilium",
            namespace: "kube-system",
            nowhere: "cni-migrate-probe",
            anonymise: false,
        };
        let (header, body) = record(&observer, &wanted).await?;
        write(&header, &body, out)?;
        let sent: Value = reader.must_get("/bytes").await?;
        let sent = sent["bytes"].as_u64().unwrap_or_default();
        Ok(Taken { objects: body.objects(), pods: body.pods(), sent })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended by itself is no loss.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(cluster: Cluster) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // A client that goes away ends its connection only.
        std::thread::spawn(move || answer_all(cluster, &stream).ok());
    }
    Ok(())
}

fn answer_all(cluster: Cluster, stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut out = stream;
    while let Some(request) = lines.next() {
        let request = request?;
        for header in lines.by_ref() {
            if header?.is_empty() {
                break;
            }
        }
        let path = request.split(' ').nth(1).unwrap_or_default();
        let missing = || {
            (
                404,
                json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
                "message": "not there", "code": 404}),
            )
        };
        let (code, body) = answer(cluster, path).map_or_else(missing, |body| (200, body));
        let body = body.to_string();
        SENT.fetch_add(body.len() as u64, Ordering::Relaxed);
        write!(
            out,
            "HTTP/1.1 {code} OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
    }
    Ok(())
}

fn answer(cluster: Cluster, path: &str) -> Option<Value> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let number = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.parse::<usize>().ok());
    match path {
        "/version" => Some(json!({"major": "1", "minor": "34", "gitVersion": cluster::VERSION})),
        "/apis" => Some(json!({"groups": []})),
        "/bytes" => Some(json!({"bytes": SENT.load(Ordering::Relaxed)})),
        "/api/v1/namespaces/kube-system" => {
            Some(json!({"metadata": {"name": "kube-system", "uid": "cluster"}}))
        }
        "/api/v1/namespaces/kube-flannel/configmaps" | "/api/v1/configmaps"
            if query.contains("kube-flannel-cfg") =>
        {
            Some(json!({"metadata": {}, "items": [cluster::config()]}))
        }
        _ => cluster.list(path).map(|(all, one)| {
            let from = number("continue=").unwrap_or(0);
            let to = (from + PAGE).min(all);
            let token = if to < all { to.to_string() } else { String::new() };
            let items: Vec<Value> = (from..to).map(|n| one(cluster, n)).collect();
            json!({"metadata": {"continue": token}, "items": items})
        }),
    }
}
