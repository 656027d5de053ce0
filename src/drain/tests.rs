//! kubectl's behaviour as tables: the verdicts of k8s.io/kubectl pkg/drain/filters_test.go and
//! pkg/cmd/drain/drain_test.go, and the answers of the eviction subresource.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use jiff::{SignedDuration, Timestamp};

use super::{Budgets, Eviction, Options, Verdict, filter, parse_selector, select};
use crate::check::fixtures::{budget, daemon_set, map, owner, pod};
use crate::model::{Budget, Phase, Pod, Selector};

type Change = fn(&mut Pod);

fn shaped(name: &str, changes: &[Change]) -> Pod {
    let mut pod = pod("shop", name, 0);
    for change in changes {
        change(&mut pod);
    }
    pod
}

const DAEMON: Change = |pod| pod.owner = Some(owner("DaemonSet", "agent"));
const BARE: Change = |pod| pod.owner = None;
const LOCAL: Change = |pod| pod.empty_dir = true;
const MIRROR: Change = |pod| pod.mirror = true;
const DELETING: Change = |pod| pod.deleting = true;
const UNREADY: Change = |pod| pod.ready = false;
const PENDING: Change = |pod| pod.phase = Phase::Pending;
const FAILED: Change = |pod| pod.phase = Phase::Failed;
const SUCCEEDED: Change = |pod| pod.phase = Phase::Succeeded;

const DAEMON_FATAL: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const LOCAL_FATAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const BARE_FATAL: &str = "Pods that declare no controller (use --force to override)";

/// Options by the letters of their flags: i(gnore daemonsets), d(elete emptydir), f(orce).
fn flags(letters: &str) -> Options {
    Options {
        ignore_daemonsets: letters.contains('i'),
        delete_emptydir_data: letters.contains('d'),
        force: letters.contains('f'),
        ..Options::default()
    }
}

#[test]
fn verdicts_are_kubectls() {
    let skip = |message: &str| Verdict::Skip(message.to_owned());
    let refuse = |message: &str| Verdict::Refuse(message.to_owned());
    let ignored = || skip("ignoring DaemonSet-managed Pods");
    let static_pod = || skip("the kubelet owns static pods");
    let table: [(&[Change], &str, Verdict); 20] = [
        (&[], "", Verdict::Evict),
        (&[DELETING], "", Verdict::Evict),
        (&[DAEMON], "", refuse(DAEMON_FATAL)),
        (&[DAEMON], "f", refuse(DAEMON_FATAL)),
        (&[DAEMON], "i", ignored()),
        (&[DAEMON, LOCAL], "i", ignored()),
        (&[DAEMON, FAILED], "", Verdict::Evict),
        (&[MIRROR], "", static_pod()),
        (&[MIRROR, SUCCEEDED], "", static_pod()),
        (&[MIRROR, DAEMON], "", refuse(DAEMON_FATAL)),
        (&[LOCAL], "", refuse(LOCAL_FATAL)),
        (&[LOCAL], "f", refuse(LOCAL_FATAL)),
        (&[LOCAL], "d", Verdict::Evict),
        (&[BARE], "", refuse(BARE_FATAL)),
        (&[BARE], "f", Verdict::Evict),
        (&[BARE, LOCAL], "", refuse(LOCAL_FATAL)),
        (&[BARE, LOCAL], "d", refuse(BARE_FATAL)),
        (&[BARE, LOCAL], "idf", Verdict::Evict),
        (&[BARE, LOCAL, SUCCEEDED], "", Verdict::Evict),
        (&[BARE, LOCAL, FAILED], "", Verdict::Evict),
    ];
    let sets = [daemon_set("shop", "agent", "agent:1")];
    for (row, (changes, letters, expected)) in table.into_iter().enumerate() {
        assert_eq!(filter(&shaped("p", changes), &sets, &flags(letters)), expected, "row {row}");
    }
}

#[test]
fn orphans_of_a_daemon_set_go_by_force() {
    let gone = Verdict::Refuse("daemonsets.apps \"agent\" not found".to_owned());
    assert_eq!(filter(&shaped("p", &[DAEMON]), &[], &flags("i")), gone);
    assert_eq!(filter(&shaped("p", &[DAEMON]), &[], &flags("f")), Verdict::Evict);
    assert_eq!(
        filter(&shaped("p", &[DAEMON, LOCAL]), &[], &flags("f")),
        Verdict::Refuse(LOCAL_FATAL.to_owned())
    );
}

#[test]
fn a_daemon_set_of_another_namespace_is_no_owner() {
    let sets = [daemon_set("other", "agent", "agent:1")];
    assert!(matches!(filter(&shaped("p", &[DAEMON]), &sets, &flags("i")), Verdict::Refuse(_)));
}

#[test]
fn a_pod_deleted_long_ago_is_skipped_whatever_it_is() {
    let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let skips = |limit, seconds| {
        let deletion_timestamp = Some(now - SignedDuration::from_secs(seconds));
        let pod = Pod { deletion_timestamp, ..shaped("p", &[BARE, DELETING]) };
        let options = Options { skip_wait_for_delete_timeout: limit, now, ..flags("f") };
        matches!(filter(&pod, &[], &options), Verdict::Skip(_))
    };
    assert!(skips(60, 61));
    assert!(!skips(60, 60), "kubectl compares whole seconds with >");
    assert!(!skips(60, -30), "the deletion timestamp lies ahead while the grace period runs");
    assert!(!skips(0, 3600), "0 turns the option off");
}

#[test]
fn refusals_are_grouped_and_stop_everything() {
    let pods = [shaped("a", &[]), shaped("b", &[BARE]), shaped("c", &[LOCAL]), shaped("d", &[BARE])];
    let refusals: Vec<_> =
        select(&pods, &[], &flags("")).unwrap_err().iter().map(ToString::to_string).collect();
    let bare = format!("cannot delete {BARE_FATAL}: shop/b, shop/d");
    assert_eq!(refusals, [bare, format!("cannot delete {LOCAL_FATAL}: shop/c")]);
    let names: Vec<_> =
        select(&pods, &[], &flags("fd")).unwrap().iter().map(|pod| pod.name.to_string()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn pods_outside_of_the_selector_neither_go_nor_refuse() {
    let other = Pod { labels: map(&[("app", "db")]).into(), ..shaped("b", &[BARE]) };
    let options = Options { pod_selector: Some(parse_selector("app=web").unwrap()), ..Options::default() };
    assert_eq!(select(&[shaped("a", &[]), other], &[], &options).unwrap().len(), 1);
}

#[test]
fn selectors_are_kubectls() {
    let labels = map(&[("app", "web"), ("tier", ""), ("example.com/zone", "a")]);
    let table = [
        ("", true),
        ("app", true),
        ("!app", false),
        ("app=web", true),
        ("app==web", true),
        ("app!=web", false),
        ("db!=x", true),
        ("!db", true),
        ("app=web,tier=", true),
        ("app = web , example.com/zone=a", true),
        ("app in (web,db)", true),
        ("app in (db)", false),
        ("app notin (db, x),app", true),
        ("db notin (x)", true),
        ("app in (web),example.com/zone notin (a,b)", false),
    ];
    for (text, expected) in table {
        assert_eq!(parse_selector(text).unwrap().matches(&labels), expected, "{text:?}");
    }
    for text in ["app in web", "app>3", "=web", "a b=c", "app in (a", "app=we b", "app,,tier", "app on (a)"] {
        let error = parse_selector(text).unwrap_err();
        assert!(error.to_string().contains("is not understood"), "{text:?}");
    }
}

#[test]
fn evictions_are_the_api_servers() {
    let waits =
        |needs, has| format!("waits for PodDisruptionBudget shop/cart (needs {needs} healthy, has {has})");
    let stale = "waits for PodDisruptionBudget shop/cart (its status is older than its spec)".to_owned();
    let allowed = || "can be evicted now".to_owned();
    let full = || Budget { disruptions_allowed: 0, current_healthy: 2, ..budget("shop", "cart") };
    let starved = || Budget { current_healthy: 1, ..full() };
    let table: [(&[Change], Budget, String); 13] = [
        (&[], full(), waits(2, 2)),
        (&[], budget("shop", "cart"), allowed()),
        (&[], Budget { observed: false, ..budget("shop", "cart") }, stale),
        (&[], Budget { namespace: "other".into(), ..full() }, allowed()),
        (&[], Budget { selector: None, ..full() }, allowed()),
        (&[], Budget { selector: Some(Selector::default()), ..full() }, waits(2, 2)),
        (&[PENDING], full(), allowed()),
        (&[FAILED], full(), allowed()),
        (&[DELETING], full(), allowed()),
        (&[UNREADY], full(), allowed()),
        (&[UNREADY], starved(), waits(2, 1)),
        (&[UNREADY], Budget { always_evict_unhealthy: true, ..starved() }, allowed()),
        (&[UNREADY], Budget { desired_healthy: 0, ..full() }, waits(0, 2)),
    ];
    for (row, (changes, budget, expected)) in table.into_iter().enumerate() {
        let eviction = Budgets::new(&[budget]).eviction(&shaped("p", changes)).to_string();
        assert_eq!(eviction, expected, "row {row}");
    }
}

#[test]
fn two_budgets_are_never_satisfied() {
    let budgets = [budget("shop", "a"), budget("shop", "b")];
    let index = Budgets::new(&budgets);
    let eviction = index.eviction(&shaped("p", &[]));
    assert_eq!(eviction, Eviction::Never(budgets.iter().collect()));
    assert_eq!(eviction.to_string(), "is under 2 PodDisruptionBudgets (shop/a, shop/b): never evicted");
    assert_eq!(index.eviction(&shaped("p", &[PENDING])), Eviction::Allowed);
}
