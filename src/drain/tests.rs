//! kubectl's behaviour as tables: the verdicts of k8s.io/kubectl pkg/drain/filters_test.go and
//! pkg/cmd/drain/drain_test.go, and the answers of the eviction subresource.

use jiff::{SignedDuration, Timestamp};

use super::{Budgets, Eviction, Options, Verdict, filter, parse_selector, select};
use crate::check::fixtures::{budget, daemon_set, map, owner, pod};
use crate::model::{Budget, Phase, Pod};

fn shaped(name: &str, change: impl FnOnce(&mut Pod)) -> Pod {
    let mut pod = pod("shop", name, 0);
    change(&mut pod);
    pod
}

fn daemon(pod: &mut Pod) {
    pod.owner = Some(owner("DaemonSet", "agent"));
}

const DAEMON: &str = "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const LOCAL: &str = "Pods with local storage (use --delete-emptydir-data to override)";
const BARE: &str = "Pods that declare no controller (use --force to override)";

#[test]
fn verdicts_are_kubectls() {
    let none = Options::default();
    let ignore = Options { ignore_daemonsets: true, ..Options::default() };
    let local = Options { delete_emptydir_data: true, ..Options::default() };
    let force = Options { force: true, ..Options::default() };
    let all =
        Options { ignore_daemonsets: true, delete_emptydir_data: true, force: true, ..Options::default() };
    let refuse = |message: &str| Verdict::Refuse(message.to_owned());
    let skip = |message: &str| Verdict::Skip(message.to_owned());
    let skipped_daemon = || skip("ignoring DaemonSet-managed Pods");
    let orphan = "daemonsets.apps \"agent\" not found";
    let finished = |phase| move |pod: &mut Pod| (pod.phase, pod.owner, pod.empty_dir) = (phase, None, true);
    type Row<'a> = (&'a str, Pod, &'a Options, bool, Verdict);
    let table: Vec<Row> = vec![
        ("replicated", shaped("p", |_| ()), &none, true, Verdict::Evict),
        ("daemon", shaped("p", daemon), &none, true, refuse(DAEMON)),
        ("daemon, forced", shaped("p", daemon), &force, true, refuse(DAEMON)),
        ("daemon, ignored", shaped("p", daemon), &ignore, true, skipped_daemon()),
        (
            "daemon with emptyDir, ignored",
            shaped("p", |p| {
                daemon(p);
                p.empty_dir = true
            }),
            &ignore,
            true,
            skipped_daemon(),
        ),
        ("orphan of a DaemonSet", shaped("p", daemon), &ignore, false, refuse(orphan)),
        ("orphan, forced", shaped("p", daemon), &force, false, Verdict::Evict),
        (
            "orphan with emptyDir, forced",
            shaped("p", |p| {
                daemon(p);
                p.empty_dir = true
            }),
            &force,
            false,
            refuse(LOCAL),
        ),
        (
            "finished daemon",
            shaped("p", |p| {
                daemon(p);
                p.phase = Phase::Failed
            }),
            &none,
            true,
            Verdict::Evict,
        ),
        ("mirror", shaped("p", |p| p.mirror = true), &none, true, skip("the kubelet owns static pods")),
        (
            "finished mirror",
            shaped("p", |p| {
                p.mirror = true;
                p.phase = Phase::Succeeded
            }),
            &none,
            true,
            skip("the kubelet owns static pods"),
        ),
        ("emptyDir", shaped("p", |p| p.empty_dir = true), &none, true, refuse(LOCAL)),
        ("emptyDir, forced", shaped("p", |p| p.empty_dir = true), &force, true, refuse(LOCAL)),
        ("emptyDir, allowed", shaped("p", |p| p.empty_dir = true), &local, true, Verdict::Evict),
        ("bare", shaped("p", |p| p.owner = None), &none, true, refuse(BARE)),
        (
            "bare with emptyDir",
            shaped("p", |p| {
                p.owner = None;
                p.empty_dir = true
            }),
            &none,
            true,
            refuse(LOCAL),
        ),
        (
            "bare with emptyDir, allowed",
            shaped("p", |p| {
                p.owner = None;
                p.empty_dir = true
            }),
            &local,
            true,
            refuse(BARE),
        ),
        ("bare, forced", shaped("p", |p| p.owner = None), &force, true, Verdict::Evict),
        ("succeeded, bare, emptyDir", shaped("p", finished(Phase::Succeeded)), &none, true, Verdict::Evict),
        ("failed, bare, emptyDir", shaped("p", finished(Phase::Failed)), &none, true, Verdict::Evict),
        (
            "everything allowed",
            shaped("p", |p| {
                p.owner = None;
                p.empty_dir = true
            }),
            &all,
            true,
            Verdict::Evict,
        ),
        ("being deleted", shaped("p", |p| p.deleting = true), &none, true, Verdict::Evict),
    ];
    for (name, pod, options, exists, expected) in table {
        let sets = if exists { vec![daemon_set("shop", "agent", "agent:1")] } else { Vec::new() };
        assert_eq!(filter(&pod, &sets, options), expected, "{name}");
    }
}

#[test]
fn a_daemon_set_of_another_namespace_is_no_owner() {
    let sets = [daemon_set("other", "agent", "agent:1")];
    let options = Options { ignore_daemonsets: true, ..Options::default() };
    assert!(matches!(filter(&shaped("p", daemon), &sets, &options), Verdict::Refuse(_)));
}

#[test]
fn a_pod_deleted_long_ago_is_skipped_whatever_it_is() {
    let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    let deleted = |seconds| {
        shaped("p", |p| {
            p.deleting = true;
            p.owner = None;
            p.deletion_timestamp = Some(now - SignedDuration::from_secs(seconds));
        })
    };
    let skips = |limit, seconds| {
        let options = Options { skip_wait_for_delete_timeout: limit, now, force: true, ..Options::default() };
        matches!(filter(&deleted(seconds), &[], &options), Verdict::Skip(_))
    };
    assert!(skips(60, 61));
    assert!(!skips(60, 60), "kubectl compares whole seconds with >");
    assert!(!skips(60, -30), "the deletion timestamp lies ahead while the grace period runs");
    assert!(!skips(0, 3600), "0 turns the option off");
}

#[test]
fn refusals_are_grouped_and_stop_everything() {
    let pods = [
        shaped("a", |_| ()),
        shaped("b", |p| p.owner = None),
        shaped("c", |p| p.empty_dir = true),
        shaped("d", |p| p.owner = None),
    ];
    let refusals: Vec<_> =
        select(&pods, &[], &Options::default()).unwrap_err().iter().map(ToString::to_string).collect();
    let bare = format!("cannot delete {BARE}: shop/b, shop/d");
    assert_eq!(refusals, [bare, format!("cannot delete {LOCAL}: shop/c")]);
    let options = Options { force: true, delete_emptydir_data: true, ..Options::default() };
    let names: Vec<_> =
        select(&pods, &[], &options).unwrap().iter().map(|pod| pod.name.to_string()).collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
}

#[test]
fn pods_outside_of_the_selector_neither_go_nor_refuse() {
    let pods = [
        shaped("a", |_| ()),
        shaped("b", |p| {
            p.labels = map(&[("app", "db")]);
            p.owner = None
        }),
    ];
    let options = Options { pod_selector: Some(parse_selector("app=web").unwrap()), ..Options::default() };
    assert_eq!(select(&pods, &[], &options).unwrap().len(), 1);
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
    let changed = |change: fn(&mut Budget)| {
        let mut budget = budget("shop", "cart");
        (budget.disruptions_allowed, budget.current_healthy) = (0, 2);
        change(&mut budget);
        budget
    };
    let waits = "waits for PodDisruptionBudget shop/cart (needs 2 healthy, has 2)";
    let stale = "waits for PodDisruptionBudget shop/cart (its status is older than its spec)";
    let allowed = "can be evicted now";
    let unready: fn(&mut Pod) = |pod| pod.ready = false;
    let ready: fn(&mut Pod) = |_| ();
    let starved: fn(&mut Budget) = |budget| budget.current_healthy = 1;
    type Row<'a> = (&'a str, fn(&mut Pod), fn(&mut Budget), &'a str);
    let table: [Row; 13] = [
        ("no room", ready, |_| (), waits),
        ("room", ready, |b| b.disruptions_allowed = 1, allowed),
        (
            "stale status",
            ready,
            |b| {
                b.disruptions_allowed = 1;
                b.observed = false
            },
            stale,
        ),
        ("another namespace", ready, |b| b.namespace = "other".into(), allowed),
        ("no selector", ready, |b| b.selector = None, allowed),
        (
            "empty selector covers the namespace",
            ready,
            |b| b.selector = Some(crate::model::Selector::default()),
            waits,
        ),
        ("pending", |p| p.phase = Phase::Pending, |_| (), allowed),
        ("finished", |p| p.phase = Phase::Failed, |_| (), allowed),
        ("deleting", |p| p.deleting = true, |_| (), allowed),
        ("not ready, the rest is healthy", unready, |_| (), allowed),
        (
            "not ready, the rest is not",
            unready,
            starved,
            "waits for PodDisruptionBudget shop/cart (needs 2 healthy, has 1)",
        ),
        (
            "not ready, AlwaysAllow",
            unready,
            |b| {
                b.current_healthy = 1;
                b.always_evict_unhealthy = true
            },
            allowed,
        ),
        (
            "not ready, nothing desired",
            unready,
            |b| {
                b.desired_healthy = 0;
                b.current_healthy = 0
            },
            "waits for PodDisruptionBudget shop/cart (needs 0 healthy, has 0)",
        ),
    ];
    for (name, pod, budget, expected) in table {
        let budgets = [changed(budget)];
        assert_eq!(Budgets::new(&budgets).eviction(&shaped("p", pod)).to_string(), expected, "{name}");
    }
}

#[test]
fn two_budgets_are_never_satisfied() {
    let budgets = [budget("shop", "a"), budget("shop", "b")];
    let index = Budgets::new(&budgets);
    let eviction = index.eviction(&shaped("p", |_| ()));
    assert_eq!(eviction, Eviction::Never(budgets.iter().collect()));
    assert_eq!(eviction.to_string(), "is under 2 PodDisruptionBudgets (shop/a, shop/b): never evicted");
    assert_eq!(index.eviction(&shaped("p", |p| p.phase = Phase::Pending)), Eviction::Allowed);
}
