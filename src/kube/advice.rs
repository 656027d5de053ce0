//! What a failed way to the API server usually means, and what a colleague would try. Pure.
//!
//! The client gives texts of the libraries below it (rustls, hyper, the operating system); each row knows one of them.

/// What is known about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// What it means, in words of Kubernetes.
    pub(super) meaning: &'static str,
    /// What to do.
    pub(super) hint: &'static str,
    /// Whether waiting may help.
    pub(super) passes: bool,
}

struct Row(&'static str, &'static str, &'static str, bool);

/// Text to look for, the more special first; what it means, what to do, whether waiting may help.
const ROWS: &[Row] = &[
    Row(
        "UnknownIssuer",
        "the API server's certificate is not signed by the authority that the kubeconfig names",
        "is this the right cluster, and its current CA? compare certificate-authority-data of `kubectl config view \
         --minify --raw`; behind a proxy that opens TLS its CA is needed: --certificate-authority FILE",
        false,
    ),
    Row(
        "BadSignature",
        "the API server's certificate is not signed by the authority that the kubeconfig names",
        "the CA in the kubeconfig has the right name and another key: fetch the kubeconfig of this cluster anew",
        false,
    ),
    Row(
        "certificate not valid for name",
        "the API server's certificate is for another name than the one that was called",
        "call it by a name in its certificate (--server), or say which name it has: --tls-server-name NAME",
        false,
    ),
    Row(
        "NotValidForName",
        "the API server's certificate is for another name than the one that was called",
        "call it by a name in its certificate (--server), or say which name it has: --tls-server-name NAME",
        false,
    ),
    Row(
        "certificate expired",
        "the API server's certificate has expired",
        "renew it (kubeadm: `kubeadm certs check-expiration`), and compare this machine's clock: date -u",
        false,
    ),
    Row(
        "certificate not valid yet",
        "the API server's certificate is not valid yet",
        "this machine's clock may be behind: date -u",
        false,
    ),
    Row(
        "CertificateExpired",
        "the API server says that the client certificate of the kubeconfig has expired",
        "fetch a new kubeconfig, or renew the certificate (kubeadm: `kubeadm certs renew admin.conf`)",
        false,
    ),
    Row(
        "InvalidContentType",
        "what answers there does not speak TLS",
        "is the server of the kubeconfig an https address and the right port? kubectl config view --minify",
        false,
    ),
    Row(
        "HTTP request to an HTTPS server",
        "the API server wants TLS and was called without",
        "the server of the kubeconfig must begin with https://: kubectl config view --minify",
        false,
    ),
    Row(
        "proxy authorization required",
        "the proxy wants a login",
        "put it into the address: --proxy-url http://USER:PASSWORD@HOST:PORT",
        false,
    ),
    Row(
        "tunnel",
        "the proxy did not open a way to the API server",
        "leave the proxy out for this address (NO_PROXY), or name another: --proxy-url URL",
        true,
    ),
    Row(
        "Connection refused",
        "nothing listens at that address",
        "is the API server up, the address right, a tunnel open? kubectl config view --minify; kubectl get --raw /readyz",
        true,
    ),
    Row(
        "failed to lookup address",
        "the name of the API server is not known here",
        "is the name right, are you in the right network or VPN? kubectl config view --minify",
        true,
    ),
    Row(
        "No route to host",
        "there is no way to that address",
        "are you in the right network or VPN? is a firewall in between?",
        true,
    ),
    Row(
        "Network is unreachable",
        "there is no way to that address",
        "are you in the right network or VPN? is a firewall in between?",
        true,
    ),
    Row(
        "deadline has elapsed",
        "there was no answer in time",
        "are you in the right network or VPN? a longer wait: --request-timeout 2m",
        true,
    ),
    Row(
        "timed out",
        "there was no answer in time",
        "are you in the right network or VPN? a longer wait: --request-timeout 2m",
        true,
    ),
    Row(
        "unable to run auth exec",
        "the program that the kubeconfig names for credentials could not be started",
        "install it or put it on PATH; its name: kubectl config view --minify -o jsonpath='{.users[0].user.exec.command}'",
        false,
    ),
    Row(
        "auth exec command",
        "the program that the kubeconfig names for credentials failed",
        "run it by hand to see more; often a new login helps (aws sso login, gcloud auth login, az login, kubelogin)",
        false,
    ),
    Row(
        "exec-plugin",
        "the program that the kubeconfig names for credentials gave none",
        "run it by hand: it must print an ExecCredential of client.authentication.k8s.io",
        false,
    ),
    Row(
        "failed to read token file",
        "the token file of the kubeconfig could not be read",
        "see tokenFile in: kubectl config view --minify",
        false,
    ),
];

/// The first row whose text occurs.
pub(super) fn advice(text: &str) -> Option<Advice> {
    let row = ROWS.iter().find(|row| text.contains(row.0))?;
    Some(Advice { meaning: row.1, hint: row.2, passes: row.3 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_the_libraries_get_a_meaning() {
        for (text, meaning, passes) in [
            ("invalid peer certificate: UnknownIssuer", "not signed by the authority", false),
            ("invalid peer certificate: BadSignature", "not signed by the authority", false),
            (
                "invalid peer certificate: certificate not valid for name \"10.0.0.1\"; certificate is only valid for DnsName(\"api\")",
                "for another name",
                false,
            ),
            (
                "invalid peer certificate: certificate expired: verification time 1790000000 (UNIX), but certificate is not valid after 1780000000",
                "has expired",
                false,
            ),
            ("received fatal alert: CertificateExpired", "client certificate", false),
            ("received corrupt message of type InvalidContentType", "does not speak TLS", false),
            ("Client sent an HTTP request to an HTTPS server.", "wants TLS", false),
            ("Connection refused (os error 111)", "nothing listens", true),
            ("failed to lookup address information: Name or service not known", "is not known here", true),
            ("No route to host (os error 113)", "no way to that address", true),
            ("deadline has elapsed", "no answer in time", true),
            ("proxy authorization required", "wants a login", false),
            ("tunnel error: unsuccessful", "proxy did not open", true),
            (
                "unable to run auth exec: No such file or directory (os error 2)",
                "could not be started",
                false,
            ),
            ("auth exec command 'aws' failed with status exit status: 255: Output { .. }", "failed", false),
            ("exec-plugin response did not contain a status", "gave none", false),
        ] {
            let found = advice(text).unwrap_or_else(|| panic!("{text}"));
            assert!(found.meaning.contains(meaning), "{text}: {}", found.meaning);
            assert_eq!(found.passes, passes, "{text}");
            assert!(!found.hint.is_empty());
        }
        assert_eq!(advice("connection closed before message completed"), None);
    }
}
