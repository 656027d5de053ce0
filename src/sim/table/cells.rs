//! What cells of many kinds have in common: ages, containers, selectors.

use crate::sim::clock::Clock;
use crate::sim::json::{list, text};
use crate::sim::selector::Labels;
use crate::sim::value::{Map, Value, json};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Time since a time stamp of an object.
pub(super) fn since(object: &Value, pointer: &str, clock: &Clock) -> String {
    clock.seconds_since(text(object, pointer)).map_or_else(|| "<unknown>".to_owned(), duration)
}

/// Time since an object was created.
pub(super) fn age(object: &Value, clock: &Clock) -> Value {
    json!(since(object, "/metadata/creationTimestamp", clock))
}

/// Seconds in two units at most (`k8s.io/apimachinery/pkg/util/duration`, `HumanDuration`).
pub(super) fn duration(seconds: i64) -> String {
    let two = |unit: i64, name: &str, smaller: i64, small: &str, within: i64| match seconds / smaller % within
    {
        0 => format!("{}{name}", seconds / unit),
        rest => format!("{}{name}{rest}{small}", seconds / unit),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(MINUTE, "m", 1, "s", 60),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(HOUR, "h", MINUTE, "m", 60),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(DAY, "d", HOUR, "h", 24),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => two(YEAR, "y", DAY, "d", 365),
        _ => format!("{}y", seconds / YEAR),
    }
}

/// A number of the object, 0 where there is none.
pub(super) fn number(object: &Value, pointer: &str) -> Value {
    json!(crate::sim::json::int(object, pointer))
}

/// A text of the object, and another where it is empty.
pub(super) fn text_or<'a>(object: &'a Value, pointer: &str, other: &'a str) -> &'a str {
    Some(text(object, pointer)).filter(|t| !t.is_empty()).unwrap_or(other)
}

/// A number or a text as it is printed; `other` where there is none.
pub(super) fn amount(object: &Value, pointer: &str, other: &str) -> Value {
    match object.pointer(pointer) {
        Some(Value::String(text)) => json!(text),
        Some(Value::Number(number)) => json!(number.to_string()),
        _ => json!(other),
    }
}

/// Names and images of the containers of a pod template.
pub(super) fn containers(object: &Value, pointer: &str) -> [Value; 2] {
    let joined = |member: &str| {
        let all: Vec<&str> = list(object, pointer).iter().map(|c| text(c, member)).collect();
        json!(all.join(","))
    };
    [joined("/name"), joined("/image")]
}

/// A `LabelSelector` as a query would have it, `<none>` for an empty one.
pub(super) fn selector(object: &Value, pointer: &str) -> Value {
    match object.pointer(pointer) {
        None => json!("<none>"),
        Some(selector) => match Labels::from_object(selector) {
            None => json!("<error>"),
            Some(labels) => json!(none_if_empty(labels.to_string())),
        },
    }
}

/// A map of labels, sorted by key.
pub(super) fn labels(object: &Value, pointer: &str) -> Value {
    let empty = Map::new();
    let map = object.pointer(pointer).and_then(Value::as_object).unwrap_or(&empty);
    let mut all: Vec<String> =
        map.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    all.sort();
    json!(none_if_empty(all.join(",")))
}

/// `<none>` for nothing.
pub(super) fn none_if_empty(text: String) -> String {
    if text.is_empty() { "<none>".to_owned() } else { text }
}

/// The first three, and how many more there are.
pub(super) fn first_three(all: &[String]) -> Value {
    const SHOWN: usize = 3;
    let shown = all[..all.len().min(SHOWN)].join(",");
    match all.len() {
        0 => json!("<unset>"),
        count if count > SHOWN => json!(format!("{shown} + {} more...", count - SHOWN)),
        _ => json!(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_where_these_say_more() {
        for (seconds, shown) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR, "3h"),
            (7 * HOUR + MINUTE, "7h1m"),
            (47 * HOUR, "47h"),
            (3 * DAY + HOUR, "3d1h"),
            (9 * DAY + HOUR, "9d"),
            (3 * YEAR + DAY, "3y1d"),
            (9 * YEAR + DAY, "9y"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }
}
