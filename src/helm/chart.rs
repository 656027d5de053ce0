//! Where a chart is taken from.

use std::fmt;

/// Cilium's chart, as people write it.
pub const DEFAULT_CHART: &str = "cilium/cilium";
/// Cilium's chart repository.
pub const DEFAULT_REPOSITORY: &str = "https://helm.cilium.io";

/// Where a chart is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chart {
    /// A folder, an archive, or an archive's URL: its version is what it is.
    Path(String),
    /// A reference to a registry, `oci://...`.
    Oci(String),
    /// A name in a repository that helm is given by URL, whatever `helm repo` knows.
    Repository {
        /// URL of the repository.
        url: String,
        /// Name of the chart in it.
        name: String,
    },
}

impl Chart {
    /// Reads a chart as people write it; a name such as `cilium/cilium` is looked up at `repository`.
    pub fn parse(text: &str, repository: &str) -> Self {
        if text.starts_with("oci://") {
            Self::Oci(text.to_owned())
        } else if text.starts_with(['.', '/']) || text.contains("://") || has_extension(text) {
            Self::Path(text.to_owned())
        } else {
            let name = text.rsplit_once('/').map_or(text, |(_, name)| name);
            Self::Repository { url: repository.to_owned(), name: name.to_owned() }
        }
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(chart) | Self::Oci(chart) => f.write_str(chart),
            Self::Repository { url, name } => write!(f, "{name} of {url}"),
        }
    }
}

fn has_extension(text: &str) -> bool {
    [".tgz", ".tar.gz"].iter().any(|end| text.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_paths_registries_and_repositories_apart() {
        let path = |text: &str| Chart::Path(text.to_owned());
        let named =
            |name: &str| Chart::Repository { url: DEFAULT_REPOSITORY.to_owned(), name: name.to_owned() };
        let cases = [
            ("cilium/cilium", named("cilium")),
            ("cilium", named("cilium")),
            ("./cilium", path("./cilium")),
            ("/charts/cilium-1.19.6.tgz", path("/charts/cilium-1.19.6.tgz")),
            ("cilium-1.19.6.tgz", path("cilium-1.19.6.tgz")),
            ("https://mirror.example/cilium-1.19.6.tgz", path("https://mirror.example/cilium-1.19.6.tgz")),
            (
                "oci://registry.example/charts/cilium",
                Chart::Oci("oci://registry.example/charts/cilium".to_owned()),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Chart::parse(text, DEFAULT_REPOSITORY), expected, "{text}");
        }
    }
}
