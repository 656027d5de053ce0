//! One DNS question over UDP, as RFC 1035 sections 4.1 and 4.2.1 lay it out.

/// The name that every cluster resolves.
pub(crate) const NAME: &str = "kubernetes.default.svc.cluster.local";

const RECURSION_DESIRED: u16 = 0x0100;
const RESPONSE: u8 = 0x80;
const RCODE: u8 = 0x0f;
const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;
const HEADER: usize = 12;

/// The message that asks for the IPv4 address of `name`.
pub(crate) fn question(id: u16, name: &str) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + name.len() + 6);
    for word in [id, RECURSION_DESIRED, 1, 0, 0, 0] {
        message.extend(word.to_be_bytes());
    }
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        message.extend(label.as_bytes());
    }
    message.push(0);
    message.extend(TYPE_A.to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    message
}

/// Whether `answer` answers question `id` with at least one record.
///
/// # Errors
/// Says what is wrong with the answer.
pub(crate) fn check(id: u16, answer: &[u8]) -> Result<(), String> {
    let Some(header) = answer.first_chunk::<HEADER>() else {
        return Err(format!("answer of {} bytes, a DNS header has {HEADER}", answer.len()));
    };
    if header[..2] != id.to_be_bytes() {
        return Err("answer to another question".into());
    }
    if header[2] & RESPONSE == 0 {
        return Err("a question came back instead of an answer".into());
    }
    match (header[3] & RCODE, u16::from_be_bytes([header[6], header[7]])) {
        (0, 0) => Err("answer without a record".into()),
        (0, _) => Ok(()),
        (code, _) => Err(format!("response code {code}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_an_address() {
        assert_eq!(
            question(0x1234, "ab.c"),
            [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, b'a', b'b', 1, b'c', 0, 0, 1, 0, 1]
        );
    }

    #[test]
    fn takes_an_answer_and_names_what_is_wrong_with_others() {
        let mut answer = question(7, NAME);
        assert_eq!(check(7, &answer), Err("a question came back instead of an answer".into()));
        answer[2] |= RESPONSE;
        assert_eq!(check(7, &answer), Err("answer without a record".into()));
        answer[7] = 1;
        assert_eq!(check(7, &answer), Ok(()));
        assert_eq!(check(8, &answer), Err("answer to another question".into()));
        answer[3] = 3;
        assert_eq!(check(7, &answer), Err("response code 3".into()));
        assert_eq!(check(7, &answer[..4]), Err("answer of 4 bytes, a DNS header has 12".into()));
    }
}
