//! The command lines of the tool under test, all in one place, and how it is run, waited for and killed.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{
    exec, images,
    world::{NEW_NETWORK, World},
};
use crate::{
    error::{Context as _, Error},
    process,
};

/// How long one call of the tool may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Exit code: done, or the answer is yes.
pub(crate) const DONE: i32 = 0;
/// Exit code: the answer is no.
pub(crate) const NO: i32 = 1;
/// Exit code: stopped part-way and resumable.
pub(crate) const STOPPED: i32 = 6;

/// What only the lab needs of the Cilium chart.
const VALUES: &str = include_str!("../../manifests-workload/values-lab.yaml");

/// The file by which Helm knows the tool.
const HELM_PLUGIN: &str = include_str!("../../../plugin.yaml");

/// One call of the tool.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verb<'a> {
    /// The whole migration, or what is left of it.
    Run,
    /// The cluster, into that file.
    Snapshot(&'a str),
    /// What `run` would do to the cluster of that file, as JSON.
    Rehearse(&'a str),
    /// The checks before it.
    Preflight,
    /// Cilium beside Flannel.
    Install,
    /// One node, with the way of rebooting.
    Node(&'a str, Reboot),
    /// What the API server would say to a node's migration.
    NodeDryRun(&'a str),
    /// The paths between all pods.
    Verify,
    /// How far the migration is.
    Status,
    /// The final values.
    Finalize,
    /// The removal of Flannel.
    CleanupFlannel,
}

/// Who starts the tool.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller {
    /// The shell.
    Direct,
    /// The shell, on behalf of that user, who has only the rights that were given to him.
    As(&'static str),
    /// kubectl, which finds it on the `PATH`.
    Kubectl,
    /// Helm of that major version, which finds it among its plugins.
    Helm(u8),
}

/// How a node sheds its old pods.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reboot {
    /// Its remaining pods are restarted.
    Never,
    /// A pod reboots it.
    Pod,
}

impl Verb<'_> {
    /// The words after the program's name; `chart` and `values` are a folder and a file.
    fn arguments(self, cluster: &str, chart: &str, values: &str) -> Vec<String> {
        let yes = format!("--yes={cluster}");
        let target = ["--target-pod-cidr", NEW_NETWORK, "-f", values];
        let chart = ["--chart", chart];
        let write = [&yes, "--probe-image", images::PROBE];
        let parts: &[&[&str]] = match self {
            Self::Run => &[&["run", "--reboot", "never"], &target, &chart, &write],
            Self::Snapshot(file) => &[&["snapshot", "-o", file]],
            Self::Rehearse(file) => &[
                &["rehearse", "--from", file, "--seeds", "1", "-o", "json", "--reboot", "never"],
                &target,
                &chart,
            ],
            Self::Preflight => &[&["preflight"], &target, &chart],
            Self::Install => &[&["install"], &target, &chart, &write],
            Self::Node(node, Reboot::Never) => &[&["node", node, "--reboot", "never"], &target, &write],
            Self::Node(node, Reboot::Pod) => &[&["node", node, "--reboot", "pod"], &target, &write],
            Self::NodeDryRun(node) => &[&["node", node, "--dry-run=server"], &target],
            Self::Verify => &[&["verify"], &target, &write],
            Self::Status => &[&["status"], &target],
            Self::Finalize => &[&["finalize"], &target, &chart, &write],
            Self::CleanupFlannel => &[&["cleanup-flannel"], &target, &write],
        };
        parts.concat().into_iter().map(ToOwned::to_owned).collect()
    }
}

/// A call of the tool that is under way.
pub(crate) struct Call {
    child: Child,
    line: String,
    output: PathBuf,
}

/// How a call of the tool ended.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its exit code; none if it was killed.
    pub(crate) code: Option<i32>,
    /// All that it said, on both streams.
    pub(crate) output: String,
}

impl World {
    /// Starts a call of the tool; what it says goes to a file of the scenario's folder.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&self, verb: Verb<'_>) -> Result<Call, Error> {
        self.start_words(&self.words(verb)?)
    }

    /// What a call that must succeed says on standard output.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time or does not succeed.
    pub(crate) fn ask(&self, verb: Verb<'_>) -> Result<String, Error> {
        let mut command = self.tool_command()?;
        command.args(self.words(verb)?);
        self.progress(&process::line(&command));
        exec::run(&mut command, "", self.deadline(LIMIT))?.success()
    }

    fn words(&self, verb: Verb<'_>) -> Result<Vec<String>, Error> {
        let values = self.lab_values()?;
        Ok(verb.arguments(self.cluster.name(), &text(self.cluster.chart()), &text(&values)))
    }

    /// The file with what only the lab needs of the Cilium chart.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn lab_values(&self) -> Result<PathBuf, Error> {
        let values = self.folder.join("values-lab.yaml");
        fs::write(&values, VALUES).at("write", &values)?;
        Ok(values)
    }

    /// Runs a call with words of the scenario's own to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end in time.
    pub(crate) fn tool(&self, words: &[&str]) -> Result<Answer, Error> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        self.start_words(&words)?.finish(self)
    }

    fn start_words(&self, words: &[String]) -> Result<Call, Error> {
        let mut command = self.tool_command()?;
        command.args(words);
        let line = process::line(&command);
        self.progress(&line);
        let output = self.next_output()?;
        let file = File::create(&output).at("create", &output)?;
        let twin = file.try_clone().at("use", &output)?;
        command.stdin(Stdio::null()).stdout(file).stderr(twin);
        let child = command.spawn().map_err(|source| process::not_started(&command, &source))?;
        Ok(Call { child, line, output })
    }

    /// The tool as its caller starts it.
    fn tool_command(&self) -> Result<Command, Error> {
        let plugins = self.folder.join("plugins");
        let plugin = plugins.join("cni-migrate");
        let bin = plugin.join("bin");
        if !bin.exists() {
            fs::create_dir_all(&bin).at("create", &bin)?;
            fs::write(plugin.join("plugin.yaml"), HELM_PLUGIN).at("write", &plugin)?;
            let link = bin.join("kubectl-cni_migrate");
            symlink(&self.tool, &link).at("create", &link)?;
        }
        let mut command = match self.caller {
            Caller::Direct => return Ok(self.cluster.client_command(&self.tool)),
            Caller::As(user) => {
                let mut command = self.cluster.client_command(&self.tool);
                command.args(["--as", user]);
                return Ok(command);
            }
            Caller::Kubectl => self.cluster.client_command("kubectl"),
            Caller::Helm(major) => self.cluster.client_command(self.cluster.helm(major)),
        };
        command.arg("cni-migrate").env("HELM_PLUGINS", &plugins);
        command.env("PATH", self.cluster.path_with(&bin));
        Ok(command)
    }

    /// Runs a call of the tool to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end in time.
    pub(crate) fn call(&self, verb: Verb<'_>) -> Result<Answer, Error> {
        self.start(verb)?.finish(self)
    }

    /// Runs a call that must succeed, and asserts that it did.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time or does not succeed: what follows would make no sense.
    pub(crate) fn must(&mut self, verb: Verb<'_>) -> Result<Answer, Error> {
        let answer = self.call(verb)?;
        self.checks.equal(&format!("{verb:?} ends with exit code 0"), &answer.code, &Some(DONE));
        if answer.code == Some(DONE) {
            return Ok(answer);
        }
        let lines: Vec<&str> = answer.output.lines().collect();
        self.show(&lines[lines.len().saturating_sub(20)..].join("\n"));
        Err(Error::Invalid(format!("{verb:?} did not succeed, the steps after it would make no sense")))
    }

    /// A file for the output of the next call: numbered, so that the calls can be read in their order.
    fn next_output(&self) -> Result<PathBuf, Error> {
        let made = fs::read_dir(&self.folder).at("list", &self.folder)?;
        let made =
            made.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("tool-")).count();
        Ok(self.folder.join(format!("tool-{:02}.log", made + 1)))
    }
}

impl Call {
    /// Waits for the end.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) fn finish(mut self, world: &World) -> Result<Answer, Error> {
        let status = exec::wait(&mut self.child, &self.line, world.deadline(LIMIT))?;
        self.answer(status.code())
    }

    /// Kills the tool with SIGKILL, if it still runs.
    ///
    /// # Errors
    /// When it had ended by itself: then nothing was interrupted.
    pub(crate) fn kill(mut self) -> Result<Answer, Error> {
        self.child.kill().at("kill the tool that writes to", &self.output)?;
        let status = self.child.wait().at("wait for the tool that writes to", &self.output)?;
        match status.code() {
            None => self.answer(None),
            Some(code) => Err(Error::Invalid(format!(
                "`{}` was to be killed but had ended by itself with exit code {code}",
                self.line
            ))),
        }
    }

    fn answer(&self, code: Option<i32>) -> Result<Answer, Error> {
        let output = fs::read_to_string(&self.output).at("read", &self.output)?;
        Ok(Answer { code, output })
    }
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_those_of_the_manual() {
        let line = |verb: Verb<'_>| verb.arguments("e2e", "/chart", "/values").join(" ");
        let target = "--target-pod-cidr 10.245.0.0/16 -f /values";
        let write = "--yes=e2e --probe-image docker.io/lab/cni-migrate:dev";
        assert_eq!(line(Verb::Run), format!("run --reboot never {target} --chart /chart {write}"));
        assert_eq!(line(Verb::Preflight), format!("preflight {target} --chart /chart"));
        assert_eq!(line(Verb::Node("n2", Reboot::Pod)), format!("node n2 --reboot pod {target} {write}"));
        assert_eq!(line(Verb::CleanupFlannel), format!("cleanup-flannel {target} {write}"));
    }
}
