//! Events of the embedded cluster: one store behind the core group and `events.k8s.io`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use cni_migrate::sim::Sim;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};

/// As a kubelet of old writes it.
fn pulled(name: &str, pod: &str) -> CoreEvent {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": pod},
        "reason": "Pulled", "message": "image is there", "type": "Normal", "count": 2,
        "source": {"component": "kubelet", "host": "worker-1"},
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:01:00Z",
    }))
    .unwrap()
}

/// As a scheduler of today writes it.
fn scheduled(name: &str, pod: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": "default", "name": pod},
        "reason": "Scheduled", "note": "it goes to worker-1", "type": "Normal", "action": "Binding",
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "default-scheduler", "reportingInstance": "default-scheduler-cp-1",
    })
}

fn status(error: kube::Error) -> kube::core::Status {
    match error {
        kube::Error::Api(status) => *status,
        other => panic!("no answer of the API: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_written_in_one_group_is_read_in_the_other() {
    let sim = Sim::builder().build().unwrap();
    let core: Api<CoreEvent> = Api::namespaced(sim.client(), "default");
    let again: Api<Event> = Api::namespaced(sim.client(), "default");
    core.create(&PostParams::default(), &pulled("web.1", "web")).await.unwrap();
    let new = serde_json::from_value(scheduled("web.2", "web")).unwrap();
    again.create(&PostParams::default(), &new).await.unwrap();
    core.create(&PostParams::default(), &pulled("db.1", "db")).await.unwrap();

    let of_web =
        core.list(&ListParams::default().fields("involvedObject.name=web,involvedObject.kind=Pod")).await;
    let messages: Vec<_> = of_web.unwrap().items.into_iter().map(|e| e.message.unwrap()).collect();
    assert_eq!(messages, ["image is there", "it goes to worker-1"], "what kubectl describe asks");
    let of_web = again.list(&ListParams::default().fields("regarding.name=web")).await.unwrap().items;
    let notes: Vec<_> = of_web.iter().map(|e| e.note.clone().unwrap()).collect();
    assert_eq!(notes, messages);
    assert_eq!(of_web[0].deprecated_count, Some(2));
    assert_eq!(of_web[0].deprecated_source.as_ref().unwrap().host.as_deref(), Some("worker-1"));
    assert_eq!(of_web[0].regarding.as_ref().unwrap().name.as_deref(), Some("web"));

    let patch = Patch::Merge(json!({"note": "it was pulled"}));
    let patched = again.patch("web.1", &PatchParams::default(), &patch).await.unwrap();
    let stored = core.get("web.1").await.unwrap();
    assert_eq!(stored.message.as_deref(), Some("it was pulled"));
    assert_eq!(stored.metadata.resource_version, patched.metadata.resource_version, "it is one object");
    let operations = json!([{"op": "replace", "path": "/deprecatedSource/host", "value": "worker-2"}]);
    let patch = Patch::<Event>::Json(serde_json::from_value(operations).unwrap());
    again.patch("web.1", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(core.get("web.1").await.unwrap().source.unwrap().host.as_deref(), Some("worker-2"));
    let managed = |fields: &Value| fields.to_string();
    let owners = again.get("web.1").await.unwrap().metadata.managed_fields.unwrap();
    let fields: Vec<String> = owners.iter().map(|o| managed(&o.fields_v1.as_ref().unwrap().0)).collect();
    assert!(fields.iter().any(|f| f.contains("f:note")) && !fields.iter().any(|f| f.contains("f:message")));

    let mut seen = again.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let Some(WatchEvent::Added(first)) = seen.try_next().await.unwrap() else { panic!("it is there") };
    assert_eq!(first.note.as_deref(), Some("image is there"));
    core.delete("web.1", &DeleteParams::default()).await.unwrap();
    let gone = status(again.get("web.1").await.unwrap_err());
    assert_eq!(gone.message, "events.events.k8s.io \"web.1\" not found");
    assert_eq!(gone.details.unwrap().group, "events.k8s.io");
    assert_eq!(status(core.get("web.1").await.unwrap_err()).message, "events \"web.1\" not found");
}

#[tokio::test(start_paused = true)]
async fn an_event_keeps_the_rules_of_the_group_that_it_is_written_to() {
    let sim = Sim::builder().build().unwrap();
    let elsewhere: Api<CoreEvent> = Api::namespaced(sim.client(), "kube-system");
    let refused =
        status(elsewhere.create(&PostParams::default(), &pulled("web.1", "web")).await.unwrap_err());
    assert_eq!(refused.code, 422);
    let told = "Event \"web.1\" is invalid: involvedObject.namespace: Invalid value: \"default\": does not match \
                event.namespace";
    assert_eq!(refused.message, told);
    let again: Api<Event> = Api::namespaced(sim.client(), "default");
    let mut old = scheduled("web.2", "web");
    old["eventTime"] = Value::Null;
    old["deprecatedCount"] = json!(1);
    let old: Event = serde_json::from_value(old).unwrap();
    let refused = status(again.create(&PostParams::default(), &old).await.unwrap_err());
    let told = "Event.events.k8s.io \"web.2\" is invalid: [eventTime: Required value, count: Invalid value: \"\": \
                needs to be unset]";
    assert_eq!(refused.message, told);
    let mut silent = scheduled("web.3", "web");
    silent["action"] = json!("");
    silent["reportingInstance"] = json!("x".repeat(129));
    let silent: Event = serde_json::from_value(silent).unwrap();
    let refused = status(again.create(&PostParams::default(), &silent).await.unwrap_err());
    assert_eq!(refused.code, 422);
    for told in ["reportingInstance: Invalid value: \"\": can have at most 128", "action: Required value"] {
        assert!(refused.message.contains(told), "{}", refused.message);
    }
}
