//! Telling the source's routes to the pods of other nodes from everybody else's.
//!
//! A route is the source's only if it leads to a node's pods through the address that the source had announced for
//! that node when it was detected, and carries the protocol that the source sets. Routes through a link of the
//! source go with the link and are no leftovers of their own.
//!
//! A route to a node that joined after detection is reported and left alone: nothing was noted that says whose it is,
//! and what flanneld announced on the node since then is gone once a clean-up has been there, so that a second one
//! would judge the same route otherwise. Like every route it is gone with the next boot.

use super::facts::Route;
use super::residue::Leftover;
use crate::model::NodeResidue;

/// What flanneld's routes have: vishvananda/netlink sets RTPROT_BOOT on every route without a protocol
/// (nl/route_linux.go, `NewRtMsg`). Cilium's have `kernel` (pkg/datapath/linux/linux_defaults, `RTProto`), those of
/// routing daemons and of the operator's network configuration their own.
const OWN_PROTOCOL: &str = "boot";

/// Routes into the source's pod networks that stay when its links are gone.
pub(super) fn leftovers(residue: &NodeResidue, routes: &[Route]) -> Vec<Leftover> {
    let leads_inside = |route: &&Route| residue.networks.iter().any(|network| network.contains(&route.dst));
    let goes_with = |dev: &String| residue.links.contains(dev) || residue.bridges.contains(dev);
    let stays = |route: &&Route| !route.dev.as_ref().is_some_and(goes_with);
    routes.iter().filter(leads_inside).filter(stays).map(|route| judge(residue, route)).collect()
}

fn judge(residue: &NodeResidue, route: &Route) -> Leftover {
    let noted = residue.routes.iter().find(|own| own.dst == route.dst && Some(own.gateway) == route.gateway);
    let protocol = route.protocol.as_deref().unwrap_or(OWN_PROTOCOL);
    match (noted, &route.dev) {
        (Some(own), Some(dev)) if protocol == OWN_PROTOCOL => {
            Leftover::Route { dst: own.dst, gateway: own.gateway, dev: dev.clone() }
        }
        (Some(_), Some(_)) => unsure(
            route,
            &format!("it leads where the source's did, but has protocol {protocol} of another owner"),
        ),
        _ => {
            unsure(route, "it leads into the old pod network, but not to a node as it was noted at detection")
        }
    }
}

fn unsure(route: &Route, why: &str) -> Leftover {
    let via = route.gateway.map_or_else(String::new, |gateway| format!(" via {gateway}"));
    let dev = route.dev.as_ref().map_or_else(String::new, |dev| format!(" dev {dev}"));
    Leftover::Unknown { what: format!("route {}{via}{dev}", route.dst), why: why.to_owned() }
}
