//! helm's command line against an embedded cluster: the calls that the tool makes, and no others.
//!
//! Differs from helm in what it renders: see `cni/chart.rs`.

use std::fs;

use kube::Client;

use crate::sim::value::{Value, json};
use crate::yaml;

/// What was asked, taken apart.
#[derive(Debug, Default)]
struct Call {
    words: Vec<String>,
    namespace: String,
    version: String,
    filter: String,
    template: String,
    values: Vec<String>,
    dry_run: bool,
    reuse_values: bool,
    install: bool,
}

/// Answers a command line without the word `helm`, as helm of `version` (`v3.18.0`), on the cluster behind `client`.
///
/// # Errors
/// helm's message.
pub async fn helm(
    client: &Client,
    version: &str,
    args: impl IntoIterator<Item = String>,
) -> Result<String, String> {
    let helm = Helm { client, version };
    helm.run(helm.parse(args.into_iter())?).await
}

struct Helm<'a> {
    client: &'a Client,
    version: &'a str,
}

impl Helm<'_> {
    /// Reads the arguments; a flag that helm does not have is refused as helm refuses it.
    fn parse(&self, mut args: impl Iterator<Item = String>) -> Result<Call, String> {
        let mut call = Call { namespace: "default".into(), ..Call::default() };
        while let Some(arg) = args.next() {
            let (flag, mut inline) = match arg.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
                _ => (arg, None),
            };
            let mut value =
                || inline.take().or_else(|| args.next()).ok_or(format!("flag needs an argument: {flag}"));
            match flag.as_str() {
                "-n" | "--namespace" => call.namespace = value()?,
                "--version" => call.version = value()?,
                "--filter" => call.filter = value()?,
                "--template" => call.template = value()?,
                "-f" | "--values" => call.values.push(value()?),
                "-o" | "--output" | "--repo" | "--timeout" | "--kube-version" => drop(value()?),
                "--dry-run" => call.dry_run = inline.take().is_none_or(|v| v != "none"),
                "--reuse-values" => call.reuse_values = true,
                "-i" | "--install" => call.install = true,
                "--all" if self.is_4() => return Err("unknown flag: --all".into()),
                "--server-side" if !self.is_4() => return Err("unknown flag: --server-side".into()),
                "--all" | "-a" | "--reset-values" | "--hide-secret" | "--server-side" => {}
                unknown if unknown.starts_with('-') => return Err(format!("unknown flag: {unknown}")),
                _ => call.words.push(flag.clone()),
            }
        }
        Ok(call)
    }

    fn is_4(&self) -> bool {
        self.version.starts_with("v4")
    }

    async fn run(&self, call: Call) -> Result<String, String> {
        let words: Vec<&str> = call.words.iter().map(String::as_str).collect();
        let namespace = call.namespace.as_str();
        match words.as_slice() {
            ["version"] if call.template == "{{.Version}}" => Ok(self.version.to_owned()),
            ["version"] => Ok(format!("version.BuildInfo{{Version:{:?}}}", self.version)),
            ["list"] => Ok(self.list(&call).await?.to_string()),
            ["get", "values", name] => {
                // A release without values of the user's shows null.
                let values = self.ask("GET", &format!("releases/{namespace}/{name}"), None).await?;
                Ok(if values == json!({}) { "null".into() } else { values.to_string() })
            }
            ["get", "metadata", name] => self.metadata(namespace, name).await,
            ["show", "chart", path] => {
                let version = if call.version.is_empty() { version_of(path)? } else { call.version.clone() };
                Ok(format!("apiVersion: v2\nname: cilium\nversion: {version}"))
            }
            // Only a folder has values to show.
            ["show", "values", path] => fs::read_to_string(format!("{path}/values.yaml")).map_err(|_| {
                format!("looks like {path:?} is not a valid chart repository or cannot be reached")
            }),
            ["template", name, chart] => self.template(&call, name, chart).await,
            [action @ ("install" | "upgrade"), name, chart] => self.apply(&call, action, name, chart).await,
            ["uninstall", name] => {
                self.ask("DELETE", &format!("releases/{namespace}/{name}"), None).await?;
                Ok(format!("release \"{name}\" uninstalled"))
            }
            other => Err(format!("unknown command {other:?} for \"helm\"")),
        }
    }

    async fn list(&self, call: &Call) -> Result<Value, String> {
        let all = self.ask("GET", &format!("releases/{}", call.namespace), None).await?;
        // The tool's only filter is an exact name with its dots escaped.
        let wanted = call.filter.trim_start_matches('^').trim_end_matches('$').replace('\\', "");
        let is_wanted = |r: &&Value| call.filter.is_empty() || r["name"] == wanted;
        Ok(all.as_array().into_iter().flatten().filter(is_wanted).cloned().collect())
    }

    async fn metadata(&self, namespace: &str, name: &str) -> Result<String, String> {
        let all = self.ask("GET", &format!("releases/{namespace}"), None).await?;
        let found = all.as_array().into_iter().flatten().find(|r| r["name"] == name);
        let release = found.ok_or("release: not found")?;
        let version = &release["app_version"];
        Ok(json!({
            "name": name, "chart": "cilium", "version": version, "appVersion": version, "namespace": namespace,
            "revision": release["revision"].as_str().and_then(|r| r.parse::<u32>().ok()),
            "status": release["status"], "deployedAt": release["updated"],
        })
        .to_string())
    }

    async fn template(&self, call: &Call, name: &str, chart: &str) -> Result<String, String> {
        let (version, values) = chart_and_values(call, chart)?;
        let order = json!({
            "name": name, "namespace": call.namespace, "version": version, "values": values, "action": "template",
        });
        // The query marks the request in the log as one that writes nothing.
        let objects = self.ask("POST", "templates?dryRun=All", Some(order)).await?;
        let documents = objects.as_array().into_iter().flatten();
        Ok(documents.map(|object| format!("---\n{object}\n")).collect())
    }

    async fn apply(&self, call: &Call, action: &str, name: &str, chart: &str) -> Result<String, String> {
        let (version, values) = chart_and_values(call, chart)?;
        let mut action = action;
        if call.install
            && self
                .list(&Call {
                    filter: format!("^{name}$"),
                    ..Call { namespace: call.namespace.clone(), ..Call::default() }
                })
                .await?
                == json!([])
        {
            action = "install";
        }
        let order = json!({
            "name": name, "namespace": call.namespace, "version": version, "values": values, "action": action,
            "dryRun": call.dry_run, "reuseValues": call.reuse_values,
        });
        // The query marks the request in the log as one that writes nothing.
        let path = if call.dry_run { "releases?dryRun=All" } else { "releases" };
        Ok(self.ask("POST", path, Some(order)).await?.to_string())
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, String> {
        let body = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
        let request = http::Request::builder()
            .method(method)
            .uri(format!("/sim/helm/{path}"))
            .header("user-agent", format!("Helm/{}", self.version.trim_start_matches('v')))
            .body(body)
            .map_err(|e| e.to_string())?;
        match self.client.request::<Value>(request).await {
            Ok(value) => Ok(value),
            Err(kube::Error::Api(status)) => Err(status.message.clone()),
            Err(error) => Err(format!("Kubernetes cluster unreachable: {error}")),
        }
    }
}

/// What was asked of a chart: its version and the values files, merged.
fn chart_and_values(call: &Call, chart: &str) -> Result<(String, Value), String> {
    let version = if call.version.is_empty() { version_of(chart)? } else { call.version.clone() };
    let mut values = json!({});
    for file in &call.values {
        let text = fs::read_to_string(file).map_err(|e| format!("open {file}: {e}"))?;
        let more: Value = serde_json::from_str(&text).map_err(|e| format!("failed to parse {file}: {e}"))?;
        super::json::merge(&mut values, &more);
    }
    Ok((version, values))
}

/// The version of a chart: what the folder's `Chart.yaml` says, or an archive's name, `cilium-1.19.6.tgz`.
fn version_of(path: &str) -> Result<String, String> {
    if let Ok(text) = fs::read_to_string(format!("{path}/Chart.yaml")) {
        let chart = yaml::read(&text).map_err(|e| format!("cannot load Chart.yaml: {e}"))?;
        return Ok(chart["version"].as_str().unwrap_or_default().to_owned());
    }
    let file = path.rsplit('/').next().unwrap_or(path);
    let version = file.trim_end_matches(".tgz").strip_prefix("cilium-");
    version.map(str::to_owned).ok_or(format!("failed to download {path:?} at version \"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_folder_of_any_name_has_the_version_that_its_file_says() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Chart.yaml"), "name: cilium\nversion: 1.18.2\n").unwrap();
        assert_eq!(version_of(&folder.path().display().to_string()).as_deref(), Ok("1.18.2"));
        assert_eq!(version_of("/charts/cilium-1.19.6.tgz").as_deref(), Ok("1.19.6"));
        assert!(version_of("/charts/other").is_err());
    }
}
