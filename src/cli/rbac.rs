//! `rbac`: the roles that verbs need.

use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;

use super::flags::WishArgs;
use super::look::scene;
use crate::check::{Subject, Task, needed_rights, roles};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::exit::Outcome;
use crate::report;

/// Print the roles that verbs need, no wider than they have to be
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  # Everything, for a pipeline's ServiceAccount
  kubectl cni-migrate rbac --for-serviceaccount ci:migrator | kubectl apply -f -

  # What a colleague needs to look
  kubectl cni-migrate rbac --verb preflight --verb status --for-user jane")]
pub struct Args {
    /// Verb that is to be allowed; may be repeated [default: all]
    #[arg(long, value_enum, value_name = "VERB")]
    verb: Vec<Task>,
    /// User to bind the roles to; may be repeated
    #[arg(long, value_name = "NAME")]
    for_user: Vec<String>,
    /// Group to bind the roles to; may be repeated
    #[arg(long, value_name = "NAME")]
    for_group: Vec<String>,
    /// ServiceAccount to bind the roles to; may be repeated
    #[arg(long, value_name = "NAMESPACE:NAME", value_parser = account)]
    for_serviceaccount: Vec<Subject>,
    #[command(flatten)]
    wish: WishArgs,
    /// Output format
    #[arg(long, short = 'o', value_enum, default_value_t)]
    output: Format,
}

/// Output format
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One document for each object
    #[default]
    Yaml,
    /// A List
    Json,
}

fn account(text: &str) -> Result<Subject> {
    match text.split_once(':') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(Subject::ServiceAccount(namespace.to_owned(), name.to_owned()))
        }
        _ => Err(Error::usage(format!("\"{text}\" is not NAMESPACE:NAME"))),
    }
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Result<Outcome> {
    let scene = scene(ctx, &args.wish, None).await?;
    let tasks = if args.verb.is_empty() { Task::value_variants() } else { &args.verb };
    let rights = needed_rights(tasks, &scene.intent.namespace, &scene.inventory());
    let mut subjects: Vec<Subject> = args.for_user.into_iter().map(Subject::User).collect();
    subjects.extend(args.for_group.into_iter().map(Subject::Group));
    subjects.extend(args.for_serviceaccount);
    let objects = roles(&name(&args.verb), &rights, &subjects);
    let text = match args.output {
        Format::Yaml => objects.iter().map(report::yaml_text).collect::<Result<Vec<_>>>()?.join("---\n"),
        Format::Json => report::json_text(&json!({"apiVersion": "v1", "kind": "List", "items": objects})),
    };
    ctx.ui.data(&text);
    if subjects.is_empty() {
        ctx.ui.hint("bind them with --for-user, --for-group or --for-serviceaccount");
    }
    Ok(Outcome::Done)
}

/// Roles for other verbs are other roles.
fn name(verbs: &[Task]) -> String {
    let verbs = verbs.iter().filter_map(ValueEnum::to_possible_value);
    verbs.fold("cni-migrate".to_owned(), |name, verb| format!("{name}-{}", verb.get_name()))
}
