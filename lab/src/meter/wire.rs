//! What goes over the wire: a line in, the name of the answering pod out; over a new connection or over a held one.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::Range,
    sync::atomic::{AtomicU16, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::dns;

/// Answers every line on every connection with `name`, for ever.
///
/// # Errors
/// When no connection can be accepted any more.
pub(crate) async fn serve(listener: TcpListener, name: String) -> std::io::Result<()> {
    let answer = format!("{name}\n");
    loop {
        let (stream, _) = listener.accept().await?;
        let answer = answer.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            // A client that goes away is no fault of the server: the client's own record tells of it.
            while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                line.clear();
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// A connection to a server of [`serve`].
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Opens a new connection.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|e| format!("connect: {e}"))?;
        stream.set_nodelay(true).map_err(|e| format!("set TCP_NODELAY: {e}"))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends one request and reads its answer, which must come from the pod `expected` unless that is empty.
    pub(crate) async fn ask(&mut self, expected: &str) -> Result<(), String> {
        self.0.write_all(b"\n").await.map_err(|e| format!("send: {e}"))?;
        let mut answer = String::new();
        match self.0.read_line(&mut answer).await {
            Err(e) => Err(format!("receive: {e}")),
            Ok(0) => Err("closed by the far end".into()),
            Ok(_) if expected.is_empty() || answer.trim_end() == expected => Ok(()),
            Ok(_) => Err(format!("answered by {}, expected {expected}", answer.trim_end())),
        }
    }
}

/// The port that the next DNS question leaves from.
static NEXT_PORT: AtomicU16 = AtomicU16::new(PORTS.start);

/// Ports for DNS questions, below those that the kernel hands out. A port comes round again after half an hour: much
/// sooner, and the question could follow the connection tracking entry of an earlier one, which lives for 30 s
/// (`nf_conntrack_udp_timeout`), to a DNS pod that has gone; that would measure the meter's own haste.
const PORTS: Range<u16> = 12_000..30_000;

fn next_port() -> u16 {
    let after = |port: u16| if port + 1 < PORTS.end { port + 1 } else { PORTS.start };
    NEXT_PORT
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |port| Some(after(port)))
        .unwrap_or(PORTS.start)
}

/// Asks the DNS server for a name that every cluster has; each question leaves from a port of its own.
pub(crate) async fn resolve(server: SocketAddr) -> Result<(), String> {
    let id = next_port();
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, id)).await.map_err(|e| format!("bind: {e}"))?;
    socket.connect(server).await.map_err(|e| format!("connect: {e}"))?;
    socket.send(&dns::question(id, dns::NAME)).await.map_err(|e| format!("send: {e}"))?;
    let mut answer = [0; 512];
    let read = socket.recv(&mut answer).await.map_err(|e| format!("receive: {e}"))?;
    dns::check(id, &answer[..read])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn server(name: &str) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, name.to_owned()));
        address
    }

    #[tokio::test]
    async fn one_connection_carries_many_requests() {
        let mut connection = Connection::open(server("meter-a").await).await.unwrap();
        assert_eq!(connection.ask("meter-a").await, Ok(()));
        assert_eq!(connection.ask("").await, Ok(()));
        assert_eq!(connection.ask("meter-b").await, Err("answered by meter-a, expected meter-b".into()));
    }

    #[test]
    fn ports_come_round_late_and_stay_in_their_range() {
        let ports: Vec<u16> = (0..=PORTS.len()).map(|_| next_port()).collect();
        assert!(ports.iter().all(|port| PORTS.contains(port)));
        let distinct: std::collections::BTreeSet<&u16> = ports.iter().collect();
        assert_eq!(distinct.len(), PORTS.len());
    }

    #[tokio::test]
    async fn a_far_end_that_goes_away_is_a_loss() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut connection = Connection::open(listener.local_addr().unwrap()).await.unwrap();
        drop(listener.accept().await.unwrap());
        drop(listener);
        assert!(connection.ask("").await.is_err());
    }
}
