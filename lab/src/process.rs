//! Runs programs and says clearly what failed.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;

/// Lines of a failed program's output that go into the error.
const TAIL_LINES: usize = 12;
/// Pause between two looks of a wait.
const POLL: Duration = Duration::from_millis(100);

/// A command with its arguments.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

/// Runs to the end and returns what was captured; a non-zero exit is an error with the tail of the output.
pub(crate) fn output(command: &mut Command) -> Result<Output, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|source| not_started(command, &source))?;
    if output.status.success() {
        return Ok(output);
    }
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let outcome = format!("ended with {}: {}", output.status, tail(&String::from_utf8_lossy(&text)));
    Err(Error::Command { command: line(command), outcome })
}

/// Runs to the end and returns its standard output as text.
pub(crate) fn text(command: &mut Command) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&output(command)?.stdout).into_owned())
}

/// The error for a program that could not even be started.
pub(crate) fn not_started(command: &Command, source: &std::io::Error) -> Error {
    Error::Command { command: line(command), outcome: format!("could not be started: {source}") }
}

/// The command line as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Looks again and again until `ready` answers `Ok`; its last `Err` (what is still not so) ends up in the error.
pub(crate) fn wait_until<T>(
    deadline: Duration,
    hint: &str,
    mut ready: impl FnMut() -> Result<T, String>,
) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        match ready() {
            Ok(value) => return Ok(value),
            Err(what) if started.elapsed() >= deadline => {
                return Err(Error::Timeout { what, seconds: deadline.as_secs(), hint: hint.to_owned() });
            }
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_names_itself_and_its_last_words() {
        let error = output(&mut command("sh", ["-c", "echo first; echo last >&2; exit 3"])).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("sh -c") && message.contains("exit status: 3") && message.ends_with("last"));
    }

    #[test]
    fn a_wait_ends_with_what_is_still_not_so() {
        let result =
            wait_until(Duration::ZERO, "see the log", || Err::<(), _>("node n1 is not Ready".to_owned()));
        assert_eq!(result.unwrap_err().to_string(), "node n1 is not Ready after 0 s: see the log");
    }
}
