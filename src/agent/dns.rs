//! One DNS question over UDP (RFC 1035), enough to see that the cluster's resolver answers from here.

use std::net::SocketAddr;

use tokio::net::UdpSocket;

/// Asks for the A records of `name`; an empty address means the pod's own resolver.
pub(super) async fn resolve(address: &str, name: &str) -> Result<(), String> {
    let server =
        if address.is_empty() { own_resolver()? } else { address.parse().map_err(|e| format!("{e}"))? };
    let local = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(local).await.map_err(|e| e.to_string())?;
    socket.connect(server).await.map_err(|e| e.to_string())?;
    let id = socket.local_addr().map_err(|e| e.to_string())?.port();
    socket.send(&question(id, name)).await.map_err(|e| e.to_string())?;
    let mut answer = [0u8; 512];
    let length = socket.recv(&mut answer).await.map_err(|e| e.to_string())?;
    check(&answer[..length], id)
}

fn own_resolver() -> Result<SocketAddr, String> {
    let text = std::fs::read_to_string("/etc/resolv.conf").map_err(|e| format!("/etc/resolv.conf: {e}"))?;
    let server = text.lines().find_map(|line| line.strip_prefix("nameserver "));
    let server = server.ok_or("/etc/resolv.conf names no nameserver")?.trim();
    Ok(SocketAddr::new(server.parse().map_err(|e| format!("{e}"))?, 53))
}

/// A query with recursion desired, one question of type A, class IN.
fn question(id: u16, name: &str) -> Vec<u8> {
    let mut packet = id.to_be_bytes().to_vec();
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let length = label.len().min(63);
        packet.push(u8::try_from(length).unwrap_or(63));
        packet.extend(&label.as_bytes()[..length]);
    }
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

/// An answer to our question, without error code and with at least one record.
fn check(answer: &[u8], id: u16) -> Result<(), String> {
    if answer.len() < 12 || answer[..2] != id.to_be_bytes() || answer[2] & 0x80 == 0 {
        return Err("not an answer to the question".into());
    }
    match (answer[3] & 0x0f, u16::from_be_bytes([answer[6], answer[7]])) {
        (0, 0) => Err("no records".into()),
        (0, _) => Ok(()),
        (code, _) => Err(format!("error code {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_laid_out_as_the_rfc_says() {
        let wanted = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03kub\x01a\x00\x00\x01\x00\x01";
        assert_eq!(question(0x1234, "kub.a."), wanted);
    }

    #[test]
    fn errors_and_foreign_answers_are_losses() {
        let answer = |flags: u8, records: u8| [0, 7, 0x81, flags, 0, 1, 0, records, 0, 0, 0, 0];
        assert_eq!(check(&answer(0, 1), 7), Ok(()));
        assert_eq!(check(&answer(0, 0), 7), Err("no records".into()));
        assert_eq!(check(&answer(3, 0), 7), Err("error code 3".into()));
        assert!(check(&answer(0, 1), 8).is_err());
        assert!(check(&[0; 3], 0).is_err());
    }
}
