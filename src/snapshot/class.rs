//! Classes of names: each has pseudonyms of its own, so that a reader still sees what is meant.

/// What sort of thing a name names; pseudonyms begin so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Class {
    Namespace,
    Node,
    Pod,
    Workload,
    Service,
    Budget,
    Policy,
    Volume,
    Claim,
    Label,
    Host,
    Image,
    Name,
}

impl Class {
    /// How its pseudonyms begin.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Workload => "workload",
            Self::Service => "service",
            Self::Budget => "budget",
            Self::Policy => "policy",
            Self::Volume => "volume",
            Self::Claim => "claim",
            Self::Label => "value",
            Self::Host => "host",
            Self::Image => "image",
            Self::Name => "name",
        }
    }
}

/// The class of the names of a kind.
pub(super) fn class_of(kind: &str) -> Class {
    match kind {
        "Namespace" => Class::Namespace,
        "Node" | "CiliumNode" => Class::Node,
        "Pod" | "CiliumEndpoint" => Class::Pod,
        "Deployment"
        | "ReplicaSet"
        | "StatefulSet"
        | "DaemonSet"
        | "Job"
        | "CronJob"
        | "ReplicationController" => Class::Workload,
        "Service" => Class::Service,
        "PodDisruptionBudget" => Class::Budget,
        "NetworkPolicy" => Class::Policy,
        "PersistentVolume" => Class::Volume,
        "PersistentVolumeClaim" => Class::Claim,
        _ => Class::Name,
    }
}
