//! No verb at all: where one stands and what comes next, or the help where no cluster answers.

use std::time::Duration;

use clap::Parser;

use super::{Cli, Verb, command, status};
use crate::ctx::Ctx;
use crate::error::{Error, Kind, Result};
use crate::exit::Outcome;
use crate::ui::PROGRAM;

/// Who types only the name does not want to wait for a cluster that is away.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn run(ctx: &Ctx) -> Result<Outcome> {
    let Ok(Cli { verb: Some(Verb::Status(args)), .. }) = Cli::try_parse_from([PROGRAM, "status"]) else {
        return Err(Error::failed("the verb status is not there"));
    };
    let silent = || Err(Error::failed(format!("the cluster gave no answer within {} s", PATIENCE.as_secs())));
    let error =
        match tokio::time::timeout(PATIENCE, status::brief(ctx, &args)).await.unwrap_or_else(|_| silent()) {
            Ok(text) => {
                ctx.ui.data(&ctx.ui.named(&text));
                return Ok(Outcome::Done);
            }
            Err(error) => error,
        };
    ctx.ui.data(&command(ctx.ui.program).render_help().to_string());
    // Not a mistake in the call: where one stands could not be told.
    Err(Error { kind: Kind::Failed, ..error }.context("where this cluster stands could not be told"))
}
