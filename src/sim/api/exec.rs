//! exec over a WebSocket (`v5.channel.k8s.io`, KEP-4006): a command runs at once, its output goes out on the channels.

use futures::SinkExt;
use http::HeaderValue;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use crate::sim::json::{list, text};
use crate::sim::node::shell::{self, Outcome};
use crate::sim::resource::id;
use crate::sim::status::{Answer, Refusal};
use crate::sim::value::{Value, json};
use crate::sim::world::{Shared, World};

use super::{Call, Reply, Target};

const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;

/// Answers an exec by switching protocols.
///
/// # Errors
/// 400 without a WebSocket, a command or a running container; 404 without the pod.
pub(crate) fn answer(shared: &Shared, call: &mut Call, target: &Target) -> Answer<Reply> {
    let name = target.name.as_deref().unwrap_or_default();
    let namespace = target.namespace.as_deref().unwrap_or_default();
    let argv: Vec<String> = call.params("command").into_iter().map(str::to_owned).collect();
    let container = call.param("container").unwrap_or_default().to_owned();
    let protocol = call.header("sec-websocket-protocol").to_owned();
    let offered = |p: &str| protocol.split(',').any(|o| o.trim() == p);
    let chosen = ["v5.channel.k8s.io", "v4.channel.k8s.io"].into_iter().find(|p| offered(p));
    let (Some(upgrade), Some(chosen)) = (call.upgrade.take(), chosen) else {
        return Err(Refusal::bad_request(
            "Upgrade request required: exec wants a WebSocket with v5.channel.k8s.io",
        ));
    };
    let outcome = run(&mut shared.lock(), namespace, name, &container, &argv)?;
    tokio::spawn(send(upgrade, outcome));
    let accept = derive_accept_key(call.header("sec-websocket-key").as_bytes());
    let accept = HeaderValue::from_str(&accept).map_err(|e| Refusal::internal(&e.to_string()))?;
    Ok(Reply::Switch(vec![
        (UPGRADE, HeaderValue::from_static("websocket")),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (SEC_WEBSOCKET_ACCEPT, accept),
        (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(chosen)),
    ]))
}

/// Runs a command in a container of a running pod.
///
/// # Errors
/// 404 without the pod, 400 without such a container or before it runs, 500 where the node is down.
pub(crate) fn run(
    world: &mut World,
    namespace: &str,
    pod: &str,
    container: &str,
    argv: &[String],
) -> Answer<Outcome> {
    let info = world.registry.get(id::PODS);
    let object = world.store.find(id::PODS, namespace, pod).cloned();
    let object = object.ok_or_else(|| Refusal::not_found(info, pod))?;
    let containers = list(&object, "/spec/containers");
    let first = containers.first().map(|c| text(c, "/name")).unwrap_or_default();
    let container = if container.is_empty() { first } else { container };
    if !containers.iter().any(|c| text(c, "/name") == container) {
        return Err(Refusal::bad_request(format!("container {container} is not valid for pod {pod}")));
    }
    if argv.is_empty() {
        return Err(Refusal::bad_request("you must specify at least one command for the container"));
    }
    let node = text(&object, "/spec/nodeName");
    let is_up = world.machines.get(node).is_some_and(|m| m.up);
    if !is_up {
        return Err(Refusal::internal(&format!("error dialing backend: node {node:?} does not answer")));
    }
    if text(&object, "/status/phase") != "Running" {
        let why = format!(
            "container {container} in pod {pod} is not running: phase {}",
            text(&object, "/status/phase")
        );
        return Err(Refusal::internal(&why));
    }
    let outcome = match (container, world.machines.get_mut(node)) {
        ("cilium-agent", Some(machine)) => shell::run(machine, argv),
        _ => Outcome::no_such_command(&argv[0]),
    };
    world.after_exec(node);
    Ok(outcome)
}

async fn send(upgrade: OnUpgrade, outcome: Outcome) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let status = status_of(outcome.code).to_string().into_bytes();
    let frames =
        [(STDOUT, outcome.stdout.into_bytes()), (STDERR, outcome.stderr.into_bytes()), (ERROR, status)];
    for (channel, data) in frames.into_iter().filter(|(_, data)| !data.is_empty()) {
        let mut frame = vec![channel];
        frame.extend(data);
        // A client that has gone away needs no more output.
        if socket.send(Message::binary(frame)).await.is_err() {
            return;
        }
    }
    // kubectl takes a close without a code for a broken stream.
    let close = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    drop(socket.close(Some(close)).await);
}

fn status_of(code: i32) -> Value {
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"});
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: error executing command, exit code {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
}
