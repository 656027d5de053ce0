//! `snapshot`: the cluster in a file, for looking at it elsewhere.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueHint};

use super::flags::ReleaseArgs;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::observe::{Wanted, record};
use crate::report::count;
use crate::snapshot::{Answer, Body, Header, write};
use crate::verify::NAMESPACE;

/// Put everything that a plan depends on into a file, to look at it elsewhere
#[derive(Debug, ClapArgs)]
#[command(
    after_help = "A file of that name is overwritten. Secrets, environment variables and arguments are never in it.

Examples:
  # Into cluster-NAME-DATE.snapshot.gz
  kubectl cni-migrate snapshot

  # For somebody who must not know the names
  kubectl cni-migrate snapshot --anonymise -o cluster.snapshot.gz

  # What is in it?
  kubectl cni-migrate snapshot -o - | zcat | less"
)]
pub struct Args {
    /// File to write; - is standard output [default: cluster-NAME-DATE.snapshot.gz]
    #[arg(long, short = 'o', value_name = "FILE", value_hint = ValueHint::AnyPath)]
    output: Option<PathBuf>,
    /// Give namespaces, nodes, pods, workloads, labels, hosts and images other names, the same ones throughout
    #[arg(long, visible_alias = "anonymize")]
    anonymise: bool,
    #[command(flatten)]
    release: ReleaseArgs,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let to_stdout = args.output.as_ref().is_some_and(|path| path.as_os_str() == "-");
    if to_stdout && ctx.ui.is_terminal() {
        return Err(Error::usage("a snapshot is no text for a terminal").hint(
            "write it to a file with -o FILE, or look at it: kubectl cni-migrate snapshot -o - | zcat",
        ));
    }
    let ReleaseArgs { release, cilium_namespace } = &args.release;
    let session = ctx.session(release, cilium_namespace).await?;
    let at = jiff::Timestamp::now();
    let wanted = Wanted {
        at,
        tool: env!("CARGO_PKG_VERSION"),
        host: &session.host,
        helm: &session.helm,
        release,
        namespace: cilium_namespace,
        nowhere: NAMESPACE,
        anonymise: args.anonymise,
    };
    let (header, body) = record(&session.observer, &wanted).await?;
    let mut bytes = Vec::new();
    write(&header, &body, &mut bytes)
        .map_err(|e| Error::failed(format!("the snapshot could not be packed: {e}")))?;
    let place = if to_stdout {
        ctx.ui.bytes(&bytes);
        "standard output".to_owned()
    } else {
        let path = args.output.unwrap_or_else(|| default_name(&header));
        std::fs::write(&path, &bytes)
            .map_err(|e| Error::failed(format!("{} could not be written: {e}", path.display())))?;
        path.display().to_string()
    };
    tell(ctx, &header, &body, bytes.len(), &place);
    Ok(Outcome::Done)
}

fn default_name(header: &Header) -> PathBuf {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = header.cluster.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    format!("cluster-{name}-{}.snapshot.gz", header.taken_at.strftime("%Y-%m-%d")).into()
}

/// What is in it and what is not.
fn tell(ctx: &Ctx, header: &Header, body: &Body, bytes: usize, place: &str) {
    for refused in &header.refused {
        ctx.ui.warning(&format!("{} is not in it: {}", refused.path, refused.failure.message));
    }
    if let Answer::Failed(why) = &header.release {
        ctx.ui.warning(&format!("the Helm release is not in it: {}", why.message));
    }
    let (objects, pods) = (body.objects(), body.pods());
    let each = (bytes as u64).checked_div(pods).map(|each| format!(", {each} a pod")).unwrap_or_default();
    ctx.ui.status(&format!(
        "{place}: {}, {} of them pods, in {}{each}",
        count(objects, "object"),
        pods,
        count(bytes as u64, "byte")
    ));
}
