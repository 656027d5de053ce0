//! Holds the controllers of a cluster, for looks at the API server alone.

use rustix::process::{Pid, Signal, kill_process};

use super::Cluster;
use super::control_plane::group;

/// Controllers that stand still; they go on when this is dropped.
#[derive(Debug)]
pub(crate) struct Held(Vec<Pid>);

impl Cluster {
    /// Stops the controller manager and the scheduler, without ending them: the API server then answers from what
    /// clients write alone.
    pub(crate) fn hold_controllers(&self) -> Held {
        let components = ["kube-controller-manager", "kube-scheduler"];
        let processes: Vec<Pid> =
            components.iter().flat_map(|component| group(&self.layout, component).processes()).collect();
        send(&processes, Signal::STOP);
        Held(processes)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        send(&self.0, Signal::CONT);
    }
}

fn send(processes: &[Pid], signal: Signal) {
    for process in processes {
        // One that has ended meanwhile writes nothing either.
        let _ = kill_process(*process, signal);
    }
}
