//! Runs programs with a deadline: a scenario must end, whatever hangs.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::{
    error::{Context as _, Error},
    process,
};

const POLL: Duration = Duration::from_millis(20);

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The command line.
    pub(crate) line: String,
    /// Its exit status.
    pub(crate) status: ExitStatus,
    /// What it wrote to standard output.
    pub(crate) stdout: String,
    /// What it wrote to standard error.
    pub(crate) stderr: String,
}

impl Ended {
    /// Its standard output, if it succeeded.
    ///
    /// # Errors
    /// When it did not, with what it said.
    pub(crate) fn success(self) -> Result<String, Error> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let said = format!("{}{}", self.stdout, self.stderr);
        Err(Error::Command {
            command: self.line,
            outcome: format!("ended with {}: {}", self.status, said.trim()),
        })
    }
}

/// Runs a program with `input` on its standard input, and kills it at the deadline.
///
/// # Errors
/// When it cannot be started or does not end in time; its exit status is for the caller to judge.
pub(crate) fn run(command: &mut Command, input: &str, until: Instant) -> Result<Ended, Error> {
    let (mut stdout, mut stderr) = (scratch()?, scratch()?);
    let mut stdin = scratch()?;
    stdin.write_all(input.as_bytes()).and_then(|()| stdin.rewind()).at("write", here())?;
    let clone = |file: &File| file.try_clone().map(Stdio::from).at("use", here());
    command.stdin(stdin).stdout(clone(&stdout)?).stderr(clone(&stderr)?);
    let line = process::line(command);
    let mut child = command.spawn().map_err(|source| process::not_started(command, &source))?;
    let status = wait(&mut child, &line, until)?;
    Ok(Ended { line, status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

/// Waits for a program to end, and kills it at the deadline.
///
/// # Errors
/// When it does not end in time.
pub(crate) fn wait(child: &mut Child, line: &str, until: Instant) -> Result<ExitStatus, Error> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().at("wait for the program in", here())? {
            return Ok(status);
        }
        if Instant::now() >= until {
            // It may have ended by itself this very moment, which is as good.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::Timeout {
                what: format!("`{line}` still runs"),
                seconds: begun.elapsed().as_secs(),
                hint: "it was killed; see the logs of the scenario".into(),
            });
        }
        std::thread::sleep(POLL);
    }
}

fn scratch() -> Result<File, Error> {
    tempfile::tempfile().at("create a scratch file in", here())
}

fn text(file: &mut File) -> Result<String, Error> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).at("read", here())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn here() -> &'static Path {
    Path::new(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn input_output_and_status_are_passed_on() {
        let ended =
            run(&mut process::command("sh", ["-c", "cat; echo no >&2; exit 3"]), "yes", later()).unwrap();
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str(), ended.status.code()),
            ("yes", "no\n", Some(3))
        );
        assert!(ended.success().unwrap_err().to_string().ends_with("ended with exit status: 3: yesno"));
    }

    #[test]
    fn a_program_that_hangs_is_killed_at_the_deadline() {
        let error = run(&mut process::command("sleep", ["1000"]), "", Instant::now()).unwrap_err();
        assert!(error.to_string().contains("`sleep 1000` still runs"), "{error}");
    }
}
