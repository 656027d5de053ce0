//! `__complete`: what may stand next on the command line, as kubectl and Helm ask their plugins.
//!
//! Both speak cobra's protocol: one candidate a line with its description after a tab, then a directive to the shell
//! (kubectl pkg/cmd/plugin/plugin_completion.go, helm pkg/cmd/load_plugins.go, cobra completions.go).

use std::ffi::{OsStr, OsString};

use std::time::Duration;

use clap::{Args as ClapArgs, Command, FromArgMatches, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, complete};

use super::{Environment, Global};
use crate::ctx::{Ctx, Place};
use crate::exit::Outcome;
use crate::kube::connect;
use crate::observe::node_names;
use crate::ui::PROGRAM;

/// ShellCompDirectiveDefault: the shell adds names of files.
const FILES: u8 = 0;
/// ShellCompDirectiveNoFileComp.
const NO_FILES: u8 = 4;
/// Marks the candidate that stands for a path, which the shell knows better.
const PATH: &str = "path";
/// Somebody waits at the prompt.
const PATIENCE: Duration = Duration::from_secs(2);
/// Verbs whose words are names of nodes.
const OF_NODES: [&str; 2] = ["node", "rollback"];

/// What may stand next on the command line
#[derive(Debug, ClapArgs)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// The words after the program's name; the last one is to be completed
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

pub(super) async fn run(ctx: &Ctx, args: Args) -> Outcome {
    let mut command = super::command(PROGRAM);
    let begun = args.words.last().is_some_and(|word| word.to_string_lossy().starts_with('-'));
    if !begun && OF_NODES.iter().any(|verb| args.words.iter().any(|word| word == verb)) {
        command = with_nodes(command, &nodes(ctx, &args.words).await);
    }
    ctx.ui.data(&answer(command, args.words));
    Outcome::Done
}

/// Names of the nodes of the cluster that the words choose, without those among the words; none where it is silent.
async fn nodes(ctx: &Ctx, words: &[OsString]) -> Vec<String> {
    let line = [OsString::from(PROGRAM)].into_iter().chain(words.iter().cloned());
    let matches = super::command(PROGRAM).ignore_errors(true).try_get_matches_from(line);
    let global = matches.ok().and_then(|matches| Global::from_arg_matches(&matches).ok()).unwrap_or_default();
    let Place::Live { settings, .. } = &ctx.place else { return Vec::new() };
    let mut settings = global.settings(&Environment::default()).or(settings);
    settings.request_timeout = Some(PATIENCE);
    let names = async { node_names(&connect(&settings).await?.0.reader).await };
    let names = tokio::time::timeout(PATIENCE, names).await.ok().and_then(Result::ok).unwrap_or_default();
    names.into_iter().filter(|name| !words.iter().any(|word| *word == **name)).collect()
}

fn with_nodes(command: Command, names: &[String]) -> Command {
    OF_NODES.iter().fold(command, |command, verb| {
        let names = names.to_vec();
        let candidates = move || names.iter().map(CompletionCandidate::new).collect();
        command.mut_subcommand(verb, |verb| {
            verb.mut_arg("names", |arg| arg.add(ArgValueCandidates::new(candidates)))
        })
    })
}

fn answer(command: Command, words: Vec<OsString>) -> String {
    let candidates = candidates(&mut with_paths(command), words);
    let is_path =
        |candidate: &CompletionCandidate| candidate.get_tag().is_some_and(|tag| tag.to_string() == PATH);
    let directive = if candidates.iter().any(is_path) { FILES } else { NO_FILES };
    let lines: String = candidates.iter().filter(|candidate| !is_path(candidate)).map(line).collect();
    format!("{lines}:{directive}\n")
}

fn candidates(command: &mut Command, words: Vec<OsString>) -> Vec<CompletionCandidate> {
    let is_flag = |word: &OsStr| word.to_string_lossy().starts_with('-');
    let last = words.last().cloned().unwrap_or_default();
    // clap would offer the verbs again after a word that is none.
    if let [first, _, ..] = words.as_slice()
        && !is_flag(first)
        && command.find_subcommand(first).is_none()
    {
        return Vec::new();
    }
    let index = words.len().max(1);
    let argv = [OsString::from(PROGRAM)].into_iter().chain(words).chain([OsString::new()]).collect();
    let mut found = complete(command, argv, index, None).unwrap_or_default();
    // As cobra does: flags only where one was begun.
    found.retain(|candidate| !candidate.is_hide_set() && (is_flag(&last) || !is_flag(candidate.get_value())));
    found
}

/// Leaves paths to the shell.
fn with_paths(command: Command) -> Command {
    let path = |_: &OsStr| vec![CompletionCandidate::new("").tag(Some(PATH.into()))];
    let mark = |arg: clap::Arg| match arg.get_value_hint() {
        ValueHint::AnyPath => arg.add(ArgValueCompleter::new(path)),
        _ => arg,
    };
    command.mut_args(mark).mut_subcommands(with_paths)
}

fn line(candidate: &CompletionCandidate) -> String {
    let word = candidate.get_value().to_string_lossy();
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    match help.lines().next() {
        Some(help) => format!("{word}\t{help}\n"),
        None => format!("{word}\n"),
    }
}
