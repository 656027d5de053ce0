//! The Secret of Cilium's IPsec (Documentation/security/network/encryption-ipsec.rst).

use std::fmt::Write as _;

/// The chart's default for `encryption.ipsec.secretName`.
pub const IPSEC_SECRET: &str = "cilium-ipsec-keys";
/// Random bytes of a key: 128 bits for AES and 32 for the salt of GCM.
pub const IPSEC_KEY_BYTES: usize = 20;

/// The text beneath `keys` in the Secret: key id, algorithm, key and its size.
///
/// The `+` has the keys of each pair of nodes derived from this one; Cilium 1.17 and newer take no other.
pub fn ipsec_key(random: &[u8; IPSEC_KEY_BYTES]) -> String {
    let mut text = "3+ rfc4106(gcm(aes)) ".to_owned();
    for byte in random {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text + " 128"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_the_agent_reads() {
        let text = ipsec_key(&[0x0a; IPSEC_KEY_BYTES]);
        assert_eq!(text, format!("3+ rfc4106(gcm(aes)) {} 128", "0a".repeat(20)));
    }
}
