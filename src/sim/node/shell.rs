//! The few commands that the tool runs in the agent's container, on the state of the node. No shell syntax: exec
//! takes plain words. What is not known ends with 127 as in a shell, so that a test notices.

use std::fmt::Write as _;

use crate::sim::value::{Value, json};

use super::firewall::Flavour;
use super::{CNI_DIR, Machine, links};

/// Where the agent's container mounts the host's CNI folder (chart value `cni.hostConfDirMountPath`).
const MOUNTED_CNI_DIR: &str = "/host/etc/cni/net.d";
/// Where the agent finds its merged configuration, one file for each key.
const CONFIG_DIR: &str = "/tmp/cilium/config-map";

/// A ConfigMap-like folder: the options are links into `..data`, itself a link to the folder that holds the files
/// (cilium `pkg/option/resolver`, `WriteConfigurations`).
const DATA: [&str; 2] = ["..data_1767225600", "..data"];

/// Programs of the agent's image that `command -v` finds.
const PROGRAMS: &[&str] = &[
    "cat",
    "grep",
    "ip",
    "iptables-legacy",
    "iptables-legacy-save",
    "iptables-nft",
    "iptables-nft-save",
    "ip6tables-legacy",
    "ip6tables-legacy-save",
    "ip6tables-nft",
    "ip6tables-nft-save",
    "ls",
    "mv",
    "nft",
    "rm",
    "test",
];

/// What a command did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    fn ok(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    fn failed(code: i32, stderr: impl std::fmt::Display) -> Self {
        Self { code, stdout: String::new(), stderr: format!("{stderr}\n") }
    }

    /// Exit code 127.
    pub(crate) fn no_such_command(program: &str) -> Self {
        Self::failed(127, format!("{program}: command not found in the embedded cluster"))
    }
}

/// Runs a command.
pub(crate) fn run(machine: &mut Machine, argv: &[String]) -> Outcome {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ls", rest @ ..] => ls(machine, rest),
        ["cat", files @ ..] => cat(machine, files),
        ["grep", flags @ ("-sH" | "-rsH" | "-RsH"), "", paths @ ..] => grep_all(machine, flags, paths),
        ["sh", "-c", script] => match script.strip_prefix("command -v ") {
            Some(program) if PROGRAMS.contains(&program) => Outcome::ok(format!("/usr/sbin/{program}\n")),
            _ => Outcome { code: 127, ..Outcome::default() },
        },
        ["test", "-e" | "-f", file] => match read(machine, file) {
            Some(_) => Outcome::ok(""),
            None => Outcome { code: 1, ..Outcome::default() },
        },
        ["rm", rest @ ..] => rm(machine, rest),
        ["mv", rest @ ..] => mv(machine, rest),
        ["ip", rest @ ..] => ip(machine, rest),
        ["nft", rest @ ..] => nft(machine, rest),
        [program, ..] if Flavour::of(program).is_some() => iptables(machine, argv),
        [program, ..] => Outcome::no_such_command(program),
        [] => Outcome::no_such_command(""),
    }
}

/// A path in the container as a path on the host; `None` where nothing of the host is mounted.
fn host_path(path: &str) -> Option<String> {
    path.strip_prefix(MOUNTED_CNI_DIR).map(|rest| format!("{CNI_DIR}{}", rest.trim_end_matches('/')))
}

fn read(machine: &Machine, path: &str) -> Option<String> {
    if let Some(key) = path.strip_prefix(CONFIG_DIR).and_then(|p| p.strip_prefix('/')) {
        let linked = DATA.into_iter().find_map(|folder| key.strip_prefix(folder)?.strip_prefix('/'));
        return machine.agent.as_ref()?.config.get(linked.unwrap_or(key)).cloned();
    }
    machine.files.get(&host_path(path)?).cloned()
}

fn names(machine: &Machine, folder: &str) -> Option<Vec<String>> {
    let folder = folder.trim_end_matches('/');
    if folder == CONFIG_DIR {
        return Some(machine.agent.as_ref()?.config.keys().cloned().collect());
    }
    let host = host_path(folder).filter(|h| h == CNI_DIR)?;
    Some(machine.names_in(&host).into_iter().map(str::to_owned).collect())
}

fn split_flags<'a>(words: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    words.iter().partition(|w| w.starts_with('-') && w.len() > 1)
}

fn ls(machine: &Machine, words: &[&str]) -> Outcome {
    let (flags, paths) = split_flags(words);
    if let Some(flag) = flags.iter().find(|f| !matches!(**f, "-1" | "-a" | "-1a" | "--")) {
        return Outcome::failed(2, format!("ls: option {flag} is not known to the embedded cluster"));
    }
    let mut outcome = Outcome::default();
    for path in paths {
        match names(machine, path) {
            Some(names) => outcome.stdout.extend(names.iter().map(|n| format!("{n}\n"))),
            None if read(machine, path).is_some() => outcome.stdout.extend([path, "\n"]),
            None => {
                outcome.code = 2;
                // Writing to a String cannot fail.
                let _ = writeln!(outcome.stderr, "ls: cannot access '{path}': No such file or directory");
            }
        }
    }
    outcome
}

fn cat(machine: &Machine, files: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    for file in files {
        if let Some(content) = read(machine, file) {
            outcome.stdout.push_str(&content);
        } else {
            outcome.code = 1;
            // Writing to a String cannot fail.
            let _ = writeln!(outcome.stderr, "cat: {file}: No such file or directory");
        }
    }
    outcome
}

/// `grep -sH "" FILE...`, with `-r` or `-R` also folders: every line with its file; 2 where one is missing, silently.
fn grep_all(machine: &Machine, flags: &str, paths: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    for path in paths {
        let folder = path.trim_end_matches('/');
        // -r does not follow links that it meets on the way, -R does.
        let between: &[&str] = match (folder == CONFIG_DIR, flags) {
            (true, "-RsH") => &[DATA[1], DATA[0], ""],
            (true, _) => &[DATA[0]],
            (false, _) => &[""],
        };
        let names = names(machine, folder).filter(|_| flags != "-sH");
        let inside = |names: Vec<String>| -> Vec<String> {
            between
                .iter()
                .flat_map(|b| {
                    names.iter().map(move |n| {
                        [folder, b, n].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("/")
                    })
                })
                .collect()
        };
        for file in names.map_or_else(|| vec![(*path).to_owned()], inside) {
            match read(machine, &file) {
                Some(content) => outcome.stdout.extend(content.lines().map(|l| format!("{file}:{l}\n"))),
                None => outcome.code = 2,
            }
        }
    }
    outcome
}

fn rm(machine: &mut Machine, words: &[&str]) -> Outcome {
    let (flags, paths) = split_flags(words);
    let is_forced = flags.iter().any(|f| f.contains('f'));
    for path in paths {
        let gone = host_path(path).and_then(|host| machine.files.remove(&host));
        if gone.is_none() && !is_forced {
            return Outcome::failed(1, format!("rm: cannot remove '{path}': No such file or directory"));
        }
    }
    Outcome::ok("")
}

fn mv(machine: &mut Machine, words: &[&str]) -> Outcome {
    let (flags, paths) = split_flags(words);
    let [from, to] = paths.as_slice() else { return Outcome::failed(1, "mv: two names are wanted") };
    let (Some(old), Some(new)) = (host_path(from), host_path(to)) else {
        return Outcome::failed(1, format!("mv: cannot stat '{from}': No such file or directory"));
    };
    let Some(content) = machine.files.get(&old).cloned() else {
        return Outcome::failed(1, format!("mv: cannot stat '{from}': No such file or directory"));
    };
    if flags.iter().any(|f| matches!(*f, "-n" | "--no-clobber")) && machine.files.contains_key(&new) {
        return Outcome::ok("");
    }
    machine.files.remove(&old);
    machine.files.insert(new, content);
    Outcome::ok("")
}

fn ip(machine: &mut Machine, words: &[&str]) -> Outcome {
    let (flags, rest) = split_flags(words);
    let is_json = flags.iter().any(|f| f.contains('j'));
    let details = flags.iter().any(|f| f.starts_with("-d"));
    match rest.as_slice() {
        ["link" | "l", "show" | "list"] | ["link" | "l"] if is_json => {
            Outcome::ok(format!("{}\n", links::show(machine, details)))
        }
        ["link" | "l", "show", name] | ["link" | "l", "show", "dev", name] if is_json => {
            let all = links::show(machine, details);
            let one: Vec<&Value> =
                all.as_array().into_iter().flatten().filter(|l| l["ifname"] == *name).collect();
            if one.is_empty() {
                return Outcome::failed(1, format!("Device \"{name}\" does not exist."));
            }
            Outcome::ok(format!("{}\n", json!(one)))
        }
        ["link" | "l", "delete" | "del", name] | ["link" | "l", "delete" | "del", "dev", name] => {
            if machine.links.remove(*name).is_none() {
                return Outcome::failed(1, format!("Cannot find device \"{name}\""));
            }
            Outcome::ok("")
        }
        ["route" | "r", "show"] | ["route" | "r", "show", "table", "main"] if is_json => {
            // No node has IPv6.
            let routes = if flags.contains(&"-6") { json!([]) } else { links::routes(machine) };
            Outcome::ok(format!("{routes}\n"))
        }
        ["route" | "r", "delete" | "del", dst, "via", gateway, "dev", "eth0"] => {
            if machine.routes.get(*dst).is_none_or(|there| there != gateway) {
                return Outcome::failed(2, "RTNETLINK answers: No such process");
            }
            machine.routes.remove(*dst);
            Outcome::ok("")
        }
        _ => Outcome::failed(255, format!("ip: {words:?} is not known to the embedded cluster")),
    }
}

fn nft(machine: &mut Machine, words: &[&str]) -> Outcome {
    match words {
        ["-j" | "--json", "list", "tables"] => {
            let tables = machine.tables.iter().enumerate().map(
                |(at, (family, name))| json!({"table": {"family": family, "name": name, "handle": at + 1}}),
            );
            let head = json!({"metainfo": {"version": "1.0.9", "json_schema_version": 1}});
            let all: Vec<Value> = std::iter::once(head).chain(tables).collect();
            Outcome::ok(format!("{}\n", json!({"nftables": all})))
        }
        ["list", "tables"] => {
            let mut out = String::new();
            for (family, name) in &machine.tables {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "table {family} {name}");
            }
            Outcome::ok(out)
        }
        ["delete", "table", family, name] => {
            if machine.tables.remove(&((*family).to_owned(), (*name).to_owned())) {
                return Outcome::ok("");
            }
            Outcome::failed(1, "Error: Could not process rule: No such file or directory")
        }
        _ => Outcome::failed(1, format!("nft: {words:?} is not known to the embedded cluster")),
    }
}

fn iptables(machine: &mut Machine, argv: &[String]) -> Outcome {
    let program = argv[0].as_str();
    let (mut table, mut rest) = ("filter", &argv[1..]);
    let mut only = None;
    while let Some((first, more)) = rest.split_first() {
        match first.as_str() {
            "-w" | "--wait" => {
                rest = if more.first().is_some_and(|w| w.parse::<u32>().is_ok()) { &more[1..] } else { more }
            }
            "-t" | "--table" if !more.is_empty() => {
                table = &more[0];
                only = Some(table);
                rest = &more[1..];
            }
            _ => break,
        }
    }
    let Some(firewall) = Flavour::of(program).and_then(|f| machine.firewalls.get_mut(&f)) else {
        return Outcome::no_such_command(program);
    };
    if program.ends_with("-save") {
        return Outcome::ok(firewall.save(only));
    }
    match firewall.command(table, rest) {
        Ok(out) => Outcome::ok(out),
        Err(why) => Outcome::failed(1, format!("{program}: {why}")),
    }
}
