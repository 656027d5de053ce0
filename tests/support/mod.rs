//! The environment of CLI tests: an embedded cluster, the stand-in for helm, and the real binary in a home of its own.
//!
//! ```ignore
//! let env = Env::new(Sim::builder().nodes(3));
//! let output = env.run(&["preflight"]);
//! assert_eq!(output.code, Some(0), "{output}");
//! ```

// Every test file is a crate of its own and uses a part of this.
#![allow(dead_code, unreachable_pub, reason = "shared by test crates that each use a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]
#![allow(clippy::disallowed_methods, reason = "tests start the binary")]

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cni_migrate::sim::{Builder, Door, Entry, Sim};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::runtime::Runtime;

/// A call of the binary that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(90);
/// A cluster comes up within this time.
const COMES_UP: Duration = Duration::from_secs(30);

/// An embedded cluster and a home directory.
pub struct Env {
    /// The cluster.
    pub sim: Sim,
    door: Door,
    home: TempDir,
    variables: Vec<(String, String)>,
    runtime: Runtime,
}

/// What a call gave.
#[must_use]
#[derive(Debug)]
pub struct Output {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("signal".to_owned(), |c| c.to_string());
        write!(f, "exit: {code}\n-- stdout --\n{}-- stderr --\n{}", self.stdout, self.stderr)
    }
}

/// A call under way.
pub struct Running<'a> {
    env: &'a Env,
    child: Child,
}

impl Env {
    /// Builds a cluster, waits until it is at rest, and opens its door.
    pub fn new(builder: Builder) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (sim, door) = runtime.block_on(async {
            let sim = builder.build().unwrap();
            sim.settled(COMES_UP).await.unwrap();
            let door = sim.serve().await.unwrap();
            (sim, door)
        });
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(example("sim_helm"), bin.join("helm")).unwrap();
        Self { sim, door, home, variables: Vec::new(), runtime }
    }

    /// Sets an environment variable for all calls, `SIM_HELM_VERSION` say.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The home directory: files for the binary go here.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The kubeconfig; its cluster and context are called `sim`.
    pub fn kubeconfig(&self) -> &Path {
        self.door.kubeconfig()
    }

    /// Address of the cluster's API, `http://127.0.0.1:PORT`.
    pub fn door_url(&self) -> String {
        self.door.url()
    }

    /// Writes a file into the home directory and gives its path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs the binary to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.start(args).wait()
    }

    /// Runs the stand-in for helm to its end.
    pub fn helm(&self, args: &[&str]) -> Output {
        self.spawn(&self.home.path().join("bin/helm"), args).wait()
    }

    /// Starts the binary.
    pub fn start(&self, args: &[&str]) -> Running<'_> {
        self.spawn(Path::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate")), args)
    }

    /// Starts a command line in bash, as a reader types it; a pipe fails with the first part that does.
    pub fn shell(&self, line: &str) -> Running<'_> {
        self.spawn(Path::new("bash"), &["-o", "pipefail", "-c", line])
    }

    fn spawn(&self, program: &Path, args: &[&str]) -> Running<'_> {
        let _guard = self.runtime.enter();
        let child = Command::new(program)
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("PATH", self.home.path().join("bin"))
            .env("KUBECONFIG", self.kubeconfig())
            .envs(self.variables.iter().map(|(n, v)| (n, v)))
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Running { env: self, child }
    }

    /// Waits for something asynchronous on the cluster's runtime: `env.block_on(env.sim.until(..))`.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Log entries of writes, as `verb resource namespace/name`.
    pub fn writes(&self) -> Vec<String> {
        self.sim.log().iter().filter(|e| e.is_write()).map(Entry::summary).collect()
    }
}

impl Running<'_> {
    /// Waits for the end; a test fails here, with what the process had said, where that takes too long.
    pub fn wait(mut self) -> Output {
        let env = self.env;
        env.runtime.block_on(async {
            let stdout = tokio::spawn(read(self.child.stdout.take()));
            let stderr = tokio::spawn(read(self.child.stderr.take()));
            let status = tokio::time::timeout(DEADLINE, self.child.wait()).await;
            if status.is_err() {
                self.child.kill().await.unwrap();
            }
            let code = status.as_ref().ok().and_then(|s| s.as_ref().unwrap().code());
            let output = Output { code, stdout: stdout.await.unwrap(), stderr: stderr.await.unwrap() };
            assert!(status.is_ok(), "the call did not end within {DEADLINE:?}: {output}");
            output
        })
    }

    /// Kills the process with SIGKILL, as a power cut would, and gives what it had said.
    pub fn kill(mut self) -> Output {
        self.child.start_kill().unwrap();
        self.wait()
    }

    /// Sends a signal by its name: `INT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().expect("a process that runs").to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    pipe.expect("a pipe").read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A program of `examples/`, which `cargo test` builds along.
fn example(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_kubectl-cni_migrate")).parent().unwrap().join("examples");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing: cargo build --example {name}", path.display());
    path
}
