//! Groups of flags that several verbs share.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use ipnet::IpNet;

use super::global::duration;
use crate::act;
use crate::check::{Exclusion, exclusions};
use crate::drain;
use crate::error::{Error, Result};
use crate::helm::{Chart, DEFAULT_CHART, DEFAULT_REPOSITORY};
use crate::model::{DryRun, Encryption, Features, RebootMode};
use crate::sim::Objects;
use crate::snapshot::{self, Header};
use crate::values::Overlay;
use crate::wish::Wish;

/// Output format
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A table for people
    #[default]
    Table,
    /// JSON for machines
    Json,
    /// YAML
    Yaml,
}

/// `-o`
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = None)]
pub(super) struct OutputArgs {
    /// Output format
    #[arg(long, short = 'o', value_enum, default_value_t)]
    pub(super) output: Output,
}

/// Which release of Cilium
#[derive(Clone, Debug, Args)]
pub(super) struct ReleaseArgs {
    /// Name of Cilium's Helm release
    #[arg(long, default_value = "cilium", value_name = "NAME")]
    pub(super) release: String,
    /// Namespace of Cilium's Helm release
    #[arg(long, default_value = "kube-system", value_name = "NAME")]
    pub(super) cilium_namespace: String,
}

/// What Cilium is to be like
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Target")]
pub(super) struct WishArgs {
    #[command(flatten)]
    pub(super) release: ReleaseArgs,
    /// Cilium version [default: 1.19.6]
    #[arg(long, value_name = "VERSION")]
    cilium_version: Option<String>,
    /// Address range for pods on Cilium; must be free [default: 10.245.0.0/16]
    #[arg(long, value_name = "CIDR", alias = "cluster-cidr")]
    target_pod_cidr: Option<IpNet>,
    /// Prefix length of each node's block of that range [default: 24]
    #[arg(long, value_name = "BITS")]
    target_mask_size: Option<u8>,
    /// UDP port of Cilium's overlay; must not be the source's [default: 8473]
    #[arg(long, value_name = "PORT")]
    tunnel_port: Option<u16>,
    /// Encrypt traffic between nodes, from finalize on
    #[arg(long, value_enum, value_name = "TYPE")]
    encryption: Option<Encryption>,
    /// Let Cilium serve Services in place of kube-proxy, from finalize on
    #[arg(long)]
    kube_proxy_replacement: bool,
    /// Add Hubble's relay and web page, from finalize on
    #[arg(long)]
    hubble: bool,
    /// Value for the chart, as helm takes it; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The same, always as text
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// Values file for the chart; may be repeated
    #[arg(long = "values", short = 'f', value_name = "FILE")]
    values: Vec<PathBuf>,
}

impl WishArgs {
    /// The wish.
    pub(super) fn wish(&self, reboot: Option<RebootMode>) -> Wish {
        Wish {
            cilium_version: self.cilium_version.clone(),
            pod_cidr: self.target_pod_cidr,
            mask_size: self.target_mask_size,
            tunnel_port: self.tunnel_port,
            release: self.release.release.clone(),
            namespace: self.release.cilium_namespace.clone(),
            reboot,
            features: Features {
                encryption: self.encryption,
                kube_proxy_replacement: self.kube_proxy_replacement,
                hubble: self.hubble,
            },
        }
    }

    /// The user's values, in Helm's order.
    pub(super) fn overlays(&self) -> Result<Vec<Overlay>> {
        let mut overlays = Vec::new();
        for path in &self.values {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|e| Error::usage(format!("values file {name} could not be read: {e}")))?;
            overlays.push(Overlay::file(&name, &text)?);
        }
        overlays.extend(self.set.iter().map(|text| Overlay::set(text)));
        overlays.extend(self.set_string.iter().map(|text| Overlay::set_string(text)));
        Ok(overlays)
    }
}

/// A snapshot in place of a cluster
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = None)]
pub(super) struct FromArgs {
    /// Snapshot to look at in place of the cluster
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    from: Option<PathBuf>,
}

impl FromArgs {
    /// The flag as it was given, after a space.
    pub(super) fn again(&self) -> String {
        self.from.as_ref().map(|path| format!(" --from {}", path.display())).unwrap_or_default()
    }

    /// Header and objects of the file, where there is one.
    pub(super) fn read(&self) -> Result<Option<(Header, Objects)>> {
        let Some(path) = &self.from else { return Ok(None) };
        let name = path.display().to_string();
        let file = std::fs::File::open(path)
            .map_err(|e| Error::usage(format!("snapshot {name} could not be read: {e}")))?;
        let (header, objects) = snapshot::read(&name, file)?;
        Ok(Some((header, objects.collect::<Result<Objects>>()?)))
    }
}

/// Findings that somebody answers for
#[derive(Clone, Debug, Args)]
pub(super) struct ExcludeArgs {
    /// YAML list of findings that do not count: id, optionally subject, reason, until
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    exclude_file: Option<PathBuf>,
}

impl ExcludeArgs {
    /// The exclusions of the file.
    pub(super) fn read(&self) -> Result<Vec<Exclusion>> {
        let Some(path) = &self.exclude_file else { return Ok(Vec::new()) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::usage(format!("exclusions {name} could not be read: {e}")))?;
        exclusions(&name, &text)
    }

    /// The day by which exclusions end, in UTC.
    pub(super) fn today() -> jiff::civil::Date {
        jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
    }
}

/// Where the chart comes from
#[derive(Clone, Debug, Args)]
pub(super) struct ChartArgs {
    /// Chart: a folder, an archive, an oci:// reference, or a name in the repository
    #[arg(long, default_value = DEFAULT_CHART, value_name = "CHART", value_hint = ValueHint::AnyPath)]
    chart: String,
    /// Repository of the chart
    #[arg(long, default_value = DEFAULT_REPOSITORY, value_name = "URL")]
    repo: String,
}

impl ChartArgs {
    /// The chart.
    pub(super) fn chart(&self) -> Chart {
        Chart::parse(&self.chart, &self.repo)
    }
}

/// Consent and dry run, of every verb that writes
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(super) struct SafetyArgs {
    /// Name of the cluster, to go on without being asked
    #[arg(long, value_name = "CLUSTER")]
    pub(super) yes: Option<String>,
    /// Only say what would be done; "server" also lets the API server judge it and stores nothing
    #[arg(long, value_enum, value_name = "MODE", default_value = "none", num_args = 0..=1,
          require_equals = true, default_missing_value = "client")]
    pub(super) dry_run: DryRun,
    /// Longest wait for anything but a drain
    #[arg(long, default_value = "10m", value_parser = duration, value_name = "DURATION")]
    pub(super) timeout: Duration,
    /// Image that carries this program, for probes and helpers
    #[arg(long, env = "CNI_MIGRATE_PROBE_IMAGE", default_value = DEFAULT_IMAGE, value_name = "IMAGE")]
    pub(super) probe_image: String,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

const DEFAULT_IMAGE: &str = concat!("ghcr.io/cni-migrate/kubectl-cni-migrate:v", env!("CARGO_PKG_VERSION"));

/// How nodes are treated
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Nodes")]
pub(super) struct NodeArgs {
    /// How a node is rebooted after its switch [default: never]
    #[arg(long, value_enum, value_name = "MODE")]
    pub(super) reboot: Option<RebootMode>,
    /// Command that reboots {node}, with --reboot command
    #[arg(long, value_name = "COMMAND")]
    reboot_command: Option<String>,
    /// Also evict pods with emptyDir volumes, whose content is lost
    #[arg(long)]
    delete_emptydir_data: bool,
    /// Also evict pods without a controller, which do not come back
    #[arg(long)]
    force: bool,
    /// Only evict pods that this selector matches
    #[arg(long, value_name = "SELECTOR")]
    pod_selector: Option<String>,
    /// Grace period of evicted pods in seconds; -1 leaves it to the pods
    #[arg(long, default_value_t = -1, value_name = "SECONDS", allow_hyphen_values = true)]
    grace_period: i64,
    /// Do not wait for pods that were deleted longer ago than this; 0 waits for all
    #[arg(long, default_value = "0", value_parser = duration, value_name = "DURATION")]
    skip_wait_for_delete_timeout: Duration,
    /// Longest time for draining one node
    #[arg(long, default_value = "30m", value_parser = duration, value_name = "DURATION")]
    drain_timeout: Duration,
}

impl NodeArgs {
    /// How the engine is to work.
    pub(super) fn options(&self, safety: &SafetyArgs) -> Result<act::Options> {
        let pod_selector = match &self.pod_selector {
            None => None,
            Some(text) => Some(
                drain::parse_selector(text)
                    .map_err(|e| Error::usage(format!("--pod-selector \"{text}\": {e}")))?,
            ),
        };
        let seconds = self.skip_wait_for_delete_timeout.as_secs();
        Ok(act::Options {
            drain: drain::Options {
                // Pods of DaemonSets are restarted after the switch instead.
                ignore_daemonsets: true,
                delete_emptydir_data: self.delete_emptydir_data,
                force: self.force,
                pod_selector,
                skip_wait_for_delete_timeout: u32::try_from(seconds).unwrap_or(u32::MAX),
                now: jiff::Timestamp::now(),
            },
            grace: (self.grace_period >= 0).then_some(self.grace_period),
            drain_timeout: self.drain_timeout,
            timeout: safety.timeout,
            reboot: self.reboot.unwrap_or(RebootMode::Never),
            reboot_command: self.reboot_command.clone(),
            probe_image: safety.probe_image.clone(),
            dry_run: safety.dry_run,
        })
    }
}

impl SafetyArgs {
    /// How the engine is to work in verbs that drain nothing.
    pub(super) fn options(&self) -> act::Options {
        act::Options {
            drain: drain::Options { ignore_daemonsets: true, ..drain::Options::default() },
            grace: None,
            drain_timeout: self.timeout,
            timeout: self.timeout,
            reboot: RebootMode::Never,
            reboot_command: None,
            probe_image: self.probe_image.clone(),
            dry_run: self.dry_run,
        }
    }

    /// Of a rehearsal: nobody needs to be asked.
    pub(super) fn rehearsed(cluster: &str) -> Self {
        Self {
            yes: Some(cluster.to_owned()),
            dry_run: DryRun::None,
            timeout: Duration::from_mins(10),
            probe_image: DEFAULT_IMAGE.to_owned(),
            output: OutputArgs { output: Output::Table },
        }
    }

    /// Whether nothing is to be stored.
    pub(super) fn is_dry(&self) -> bool {
        self.dry_run != DryRun::None
    }
}
