//! The part of a release's values that is not the tool's own doing.

use serde_json::{Map, Value};

/// What of `running` is not in `generated`: the user's values of an earlier install, to be kept in the final phase.
pub fn user_part(running: &Value, generated: &Value) -> Map<String, Value> {
    let Value::Object(running) = running else { return Map::new() };
    let mut kept = Map::new();
    for (key, value) in running {
        match (value, generated.get(key)) {
            (_, Some(same)) if same == value => {}
            (Value::Object(_), Some(other @ Value::Object(_))) => {
                let part = user_part(value, other);
                if !part.is_empty() {
                    kept.insert(key.clone(), Value::Object(part));
                }
            }
            _ => {
                kept.insert(key.clone(), value.clone());
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_tool_generated_is_not_the_users() {
        let generated = json!({"cni": {"customConf": true, "exclusive": true}, "tunnelPort": 8473});
        let running = json!({
            "cni": {"customConf": true, "exclusive": false}, "tunnelPort": 8473,
            "image": {"override": "x"}, "hubble": {"enabled": false},
        });
        let wanted = json!({
            "cni": {"exclusive": false}, "image": {"override": "x"}, "hubble": {"enabled": false},
        });
        assert_eq!(Value::Object(user_part(&running, &generated)), wanted);
        assert!(user_part(&generated, &generated).is_empty());
    }
}
