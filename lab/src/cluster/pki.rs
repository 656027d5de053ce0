//! Certificates, tokens and kubeconfigs of a cluster.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose as Usage, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::ADMIN;
use super::layout::{API_SERVICE, CONTROL_PLANE, Layout, Node};
use crate::error::{Context, Error};

/// Who talks to the API server: user name and group, as kubeadm names them.
struct Identity {
    file: String,
    user: String,
    group: &'static str,
}

/// Writes all credentials; called once per cluster, because nothing in it may change while it runs.
pub(crate) fn create(layout: &Layout, nodes: &[Node]) -> Result<(), Error> {
    fs::create_dir_all(&layout.pki).at("create", &layout.pki)?;
    certificates(&layout.pki)?;
    let identities = identities(nodes);
    let row = |one: &Identity| format!("{},{},{},{}", token(&one.user), one.user, one.user, one.group);
    let tokens = identities.iter().map(row).collect::<Vec<_>>().join("\n");
    write(&layout.file("tokens.csv"), &tokens)?;
    for one in &identities {
        let ca = layout.pki.join("ca.crt");
        write(&layout.file(&one.file), &kubeconfig(&layout.name, &ca, &token(&one.user)))?;
    }
    Ok(())
}

fn identities(nodes: &[Node]) -> Vec<Identity> {
    let identity = |name: &str, user: &str, group| Identity {
        file: format!("{name}.kubeconfig"),
        user: user.to_owned(),
        group,
    };
    let components = [
        identity("admin", ADMIN, "system:masters"),
        identity("kube-controller-manager", "system:kube-controller-manager", ""),
        identity("kube-scheduler", "system:kube-scheduler", ""),
    ];
    let kubelets =
        nodes.iter().map(|node| identity(&node.name, &format!("system:node:{}", node.name), "system:nodes"));
    components.into_iter().chain(kubelets).collect()
}

/// No secret: the API server answers inside the lab's namespaces only.
fn token(user: &str) -> String {
    format!("token-of-{}", user.replace(':', "-"))
}

fn kubeconfig(cluster: &str, ca: &Path, token: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {cluster}\n\
         clusters:\n- name: {cluster}\n  cluster:\n    server: https://{CONTROL_PLANE}:6443\n    \
         certificate-authority: {}\n\
         contexts:\n- name: {cluster}\n  context: {{cluster: {cluster}, user: {cluster}}}\n\
         users:\n- name: {cluster}\n  user: {{token: {token}}}\n",
        ca.display()
    )
}

fn certificates(folder: &Path) -> Result<(), Error> {
    let ca_key = key(folder, "ca")?;
    let mut ca = parameters("lab-ca", "", &[])?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    write(&folder.join("ca.crt"), &ca.self_signed(&ca_key).map_err(certificate_error)?.pem())?;
    let issuer = Issuer::new(ca, ca_key);

    let address = CONTROL_PLANE.to_string();
    let names = [
        address.as_str(),
        "127.0.0.1",
        API_SERVICE,
        "localhost",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    sign(folder, "apiserver", parameters("kube-apiserver", "", &names)?, Usage::ServerAuth, &issuer)?;
    let client = parameters("kube-apiserver-kubelet-client", "system:masters", &[])?;
    sign(folder, "apiserver-kubelet-client", client, Usage::ClientAuth, &issuer)?;
    write(&folder.join("sa.pub"), &key(folder, "sa")?.public_key_pem())
}

fn sign(
    folder: &Path,
    name: &str,
    mut parameters: CertificateParams,
    usage: Usage,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(), Error> {
    parameters.extended_key_usages = vec![usage];
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = parameters.signed_by(&key(folder, name)?, issuer).map_err(certificate_error)?;
    write(&folder.join(format!("{name}.crt")), &certificate.pem())
}

fn parameters(common_name: &str, organization: &str, names: &[&str]) -> Result<CertificateParams, Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names).map_err(certificate_error)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, common_name);
    if !organization.is_empty() {
        parameters.distinguished_name.push(DnType::OrganizationName, organization);
    }
    Ok(parameters)
}

fn key(folder: &Path, name: &str) -> Result<KeyPair, Error> {
    let key = KeyPair::generate().map_err(certificate_error)?;
    write(&folder.join(format!("{name}.key")), &key.serialize_pem())?;
    Ok(key)
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn certificate_error(error: rcgen::Error) -> Error {
    Error::Invalid(format!("cannot make a certificate for the control plane: {error}"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).at("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_its_own_identity() {
        let layout = Layout::new("x");
        let identities = identities(&[layout.node(1), layout.node(2)]);
        let kubelet = identities.iter().find(|one| one.file == "n2.kubeconfig").unwrap();
        assert_eq!((kubelet.user.as_str(), kubelet.group), ("system:node:n2", "system:nodes"));
        let tokens: std::collections::BTreeSet<_> = identities.iter().map(|one| token(&one.user)).collect();
        assert_eq!(tokens.len(), identities.len());
    }

    #[test]
    fn a_kubeconfig_names_cluster_and_context_after_the_lab() {
        let text = kubeconfig("blue", Path::new("/pki/ca.crt"), "secret");
        assert!(
            text.contains("current-context: blue\n") && text.contains("server: https://172.30.0.10:6443\n")
        );
        assert!(text.contains("certificate-authority: /pki/ca.crt\n") && text.contains("{token: secret}"));
    }

    #[test]
    fn certificates_are_written_in_pairs() {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path()).unwrap();
        for file in
            ["ca.crt", "ca.key", "apiserver.crt", "apiserver.key", "apiserver-kubelet-client.crt", "sa.pub"]
        {
            assert!(
                fs::read_to_string(folder.path().join(file)).unwrap().starts_with("-----BEGIN "),
                "{file}"
            );
        }
    }
}
