//! Runs a program on a terminal of a given width, as a person would see it.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    path::Path,
    process::{Command, Stdio},
};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

#[expect(clippy::disallowed_methods, reason = "a terminal is given to the real program")]
/// What a program writes to a terminal of so many columns, standard output and error together, line by line.
///
/// # Errors
/// Where there is no pseudo-terminal, or the program cannot be run or fails.
pub(crate) fn record(
    program: &Path,
    arguments: &[impl AsRef<OsStr>],
    columns: u16,
) -> io::Result<Vec<String>> {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&terminal)?;
    unlockpt(&terminal)?;
    tcsetwinsize(&terminal, Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    let screen = open(&*ptsname(&terminal, Vec::new())?, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(screen.try_clone()?).stderr(screen);
    let mut child = command.spawn()?;
    // The terminal ends with its last writer: this process must not be one.
    drop(command);
    let text = read_all(File::from(terminal))?;
    let ended = child.wait()?;
    if !ended.success() {
        return Err(io::Error::other(format!("{} ended with {ended}: {text}", program.display())));
    }
    Ok(text.lines().map(|line| line.trim_end().to_owned()).collect())
}

/// Linux tells the end of a terminal as EIO (tty_io(4) of the master side).
fn read_all(mut terminal: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    match terminal.read_to_end(&mut bytes) {
        Err(error) if error.raw_os_error() != Some(rustix::io::Errno::IO.raw_os_error()) => Err(error),
        _ => String::from_utf8(bytes).map_err(io::Error::other),
    }
}
