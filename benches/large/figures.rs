//! Figures of a process, as Linux tells them (proc(5)).

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Answer;

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// What a run of the tool took.
#[derive(Clone, Copy)]
pub struct Cost {
    /// From its start to its end.
    pub seconds: f64,
    /// Most memory that was resident, MiB; what came in its last hundredth of a second may be missed.
    pub peak: u64,
}

/// Runs the tool and gives what it printed.
pub fn tool(args: &[&str]) -> Answer<(String, Cost)> {
    let start = Instant::now();
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate")).args(args).stdout(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().ok_or("no output")?;
    let reader = std::thread::spawn(move || {
        let mut output = String::new();
        stdout.read_to_string(&mut output).map(|_| output)
    });
    let (pid, mut peak) = (child.id().to_string(), 0);
    while child.try_wait()?.is_none() {
        // A process that has just ended has no such figure any more.
        peak = memory(&pid, "VmHWM:").unwrap_or(peak);
        std::thread::sleep(LOOK);
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = reader.join().map_err(|_| "the reader broke down")??;
    Ok((output, Cost { seconds, peak: peak / 1024 }))
}

/// A figure in KiB of `/proc/PID/status` (`self` for this process), such as `VmHWM:`.
pub fn memory(pid: &str, what: &str) -> Answer<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)).ok_or("no such figure")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Seconds of processor time (`/proc/PID/stat`: utime and stime in hundredths).
pub fn processor(pid: &str) -> Answer<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u32 = fields[11].parse::<u32>()? + fields[12].parse::<u32>()?;
    Ok(f64::from(ticks) / 100.0)
}
