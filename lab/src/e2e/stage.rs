//! What a scenario without a cluster works with: the tool, the real kubectl and helm, and clusters that the tool serves.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    checks::Checks,
    exec::{self, Ended},
};
use crate::{error::Error, process, setup::Artefacts, ui::Ui};

/// How long one program may take.
const LIMIT: Duration = Duration::from_secs(180);

/// Programs, and what was asserted of them.
pub(crate) struct Stage {
    /// The assertions so far.
    pub(crate) checks: Checks,
    /// Where files of the scenario go.
    pub(crate) folder: PathBuf,
    tool: PathBuf,
    artefacts: Artefacts,
    ui: Ui,
}

/// A program.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Program {
    /// The binary under test, with Helm 3 as its helm.
    Tool,
    /// The real kubectl.
    Kubectl,
    /// The real helm of that major version.
    Helm(u8),
}

/// A cluster that the tool serves; it ends when this is dropped.
pub(crate) struct Served {
    child: Child,
    kubeconfig: PathBuf,
}

/// A command line after the program's name, the exit code it ends with, and words of what it says.
pub(crate) type Case<'a> = (&'a str, i32, &'a [&'a str]);

impl Stage {
    /// Finds the programs.
    ///
    /// # Errors
    /// When the lab is not set up.
    pub(crate) fn set(tool: &Path, folder: &Path, ui: &Ui) -> Result<Self, Error> {
        let (tool, folder) = (tool.to_owned(), folder.to_owned());
        Ok(Self { checks: Checks::new(*ui), folder, tool, artefacts: Artefacts::locate()?, ui: *ui })
    }

    /// Cilium's chart, as a folder.
    pub(crate) fn chart(&self) -> String {
        self.artefacts.chart.display().to_string()
    }

    /// Serves a cluster: what `rehearse` is told besides `--serve`.
    ///
    /// # Errors
    /// When the tool does not say where it is.
    pub(crate) fn serve(&self, words: &[&str]) -> Result<Served, Error> {
        let mut command = Command::new(&self.tool);
        command.args(["rehearse", "--serve", "127.0.0.1:0"]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        self.ui.progress(&process::line(&command));
        let mut child = command.spawn().map_err(|source| process::not_started(&command, &source))?;
        let mut said = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut said));
        let path = said.trim().strip_prefix("export KUBECONFIG=").map(PathBuf::from);
        let served = Served { child, kubeconfig: path.clone().unwrap_or_default() };
        match (read, path) {
            (Some(Ok(_)), Some(_)) => Ok(served),
            _ => {
                Err(Error::Invalid(format!("`{}` said {said:?}, and no KUBECONFIG", process::line(&command))))
            }
        }
    }

    /// Runs a program against a served cluster.
    ///
    /// # Errors
    /// When it cannot be run; whether it succeeded is for the caller to judge.
    pub(crate) fn run(&self, cluster: &Served, program: Program, words: &[&str]) -> Result<Ended, Error> {
        let path = match program {
            Program::Tool => self.tool.clone(),
            Program::Kubectl => self.artefacts.programs.path("kubectl")?,
            Program::Helm(3) => self.artefacts.helm3.clone(),
            Program::Helm(_) => self.artefacts.helm4.clone(),
        };
        let mut command = Command::new(path);
        command.args(words).env("KUBECONFIG", &cluster.kubeconfig).env("HOME", &self.folder);
        command.env("HELM_BIN", &self.artefacts.helm3);
        exec::run(&mut command, "", Instant::now() + LIMIT)
    }

    /// Runs a program for each case, and asserts exit code and words; `$FOLDER` is the scenario's folder.
    ///
    /// # Errors
    /// When it cannot be run or does not end.
    pub(crate) fn assert(
        &mut self,
        cluster: &Served,
        program: Program,
        cases: &[Case<'_>],
    ) -> Result<(), Error> {
        for (line, code, words) in cases {
            self.ui.progress(&format!("{program:?} {line}"));
            let line = line.replace("$FOLDER", &self.folder.display().to_string());
            let ended = self.run(cluster, program, &line.split(' ').collect::<Vec<_>>())?;
            let said = format!("{}{}", ended.stdout, ended.stderr);
            let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
            let seen = format!("exit code {:?}, without {missing:?}: {}", ended.status.code(), said.trim());
            let holds = ended.status.code() == Some(*code) && missing.is_empty();
            self.checks.that(&format!("{program:?} {line}: exit code {code}, {words:?}"), holds, &seen);
        }
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself, which the programs will have told of.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
