//! Address arithmetic: overlap, and what fits into a cluster-pool range.

use ipnet::IpNet;

/// Whether two ranges share an address.
pub fn overlaps(a: &IpNet, b: &IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Cilium's cluster-pool IPAM range: one block of `mask` bits for each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The whole range (`ipam.operator.clusterPoolIPv4PodCIDRList`).
    pub range: IpNet,
    /// Prefix length of a node's block (`ipam.operator.clusterPoolIPv4MaskSize`).
    pub mask: u8,
}

impl Pool {
    /// How many nodes get a block.
    pub fn nodes(&self) -> u64 {
        let bits = self.mask.saturating_sub(self.range.prefix_len());
        if self.mask < self.range.prefix_len() { 0 } else { 1u64 << bits.min(63) }
    }

    /// How many pods a node's block holds: network, broadcast, router and health addresses are not for pods
    /// (Cilium Documentation/network/concepts/ipam/cluster-pool.rst).
    pub fn pods_per_node(&self) -> u64 {
        let bits = self.range.max_prefix_len().saturating_sub(self.mask);
        (1u64 << bits.min(63)).saturating_sub(4)
    }
}
