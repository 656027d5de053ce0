//! `kubectl-cni_migrate`: kubectl plugin, Helm plugin, and what runs in the probe pods.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::FromArgMatches;
use cni_migrate::act::Cancel;
use cni_migrate::cli::{self, Cli, Environment};
use cni_migrate::ctx::{self, Ctx, Place};
use cni_migrate::exit;
use cni_migrate::ui::{PROGRAM, Ui};

fn main() -> ExitCode {
    let helm = helm_environment();
    let program = if helm.is_some() { "helm cni-migrate" } else { PROGRAM };
    let matches = cli::command(program).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    cni_migrate::ui::log(cli.global.verbosity);
    let ui = Ui { quiet: cli.global.quiet, muted: false, program };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => {
            ui.warning(&format!("no runtime: {e}"));
            return ExitCode::from(exit::FAILED);
        }
    };
    let settings = cli.global.settings(&helm.unwrap_or_default());
    let ctx = Ctx {
        place: Place::Live { settings, helm_bin: cli.global.helm_bin },
        cancel: Cancel::default(),
        who: ctx::who(),
        listener: None,
        ui,
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = cli::run(&ctx, cli.verb) => result,
            () = ctx.interrupted() => Err(cni_migrate::error::Error::interrupted("interrupted")),
        }
    });
    // Whoever interrupts does not wait for what is still computed.
    runtime.shutdown_background();
    if let Err(error) = &result {
        ctx.ui.error(error);
    }
    ExitCode::from(exit::code(&result))
}

/// What Helm passes by environment; `None` where it did not start us.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and in ctx only")]
fn helm_environment() -> Option<Environment> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    get("HELM_PLUGIN_DIR")?;
    Some(Environment {
        context: get("HELM_KUBECONTEXT"),
        server: get("HELM_KUBEAPISERVER"),
        token: get("HELM_KUBETOKEN"),
        as_user: get("HELM_KUBEASUSER"),
        as_groups: get("HELM_KUBEASGROUPS")
            .map(|g| g.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        certificate_authority: get("HELM_KUBECAFILE").map(PathBuf::from),
        tls_server_name: get("HELM_KUBETLS_SERVER_NAME"),
        insecure: get("HELM_KUBEINSECURE_SKIP_TLS_VERIFY").is_some_and(|v| v == "true"),
    })
}
