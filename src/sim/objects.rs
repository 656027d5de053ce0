//! Recorded objects of the API, with what they have in common held once: what clusters are restored from.

use super::value::{Pool, Value, plain};

/// Recorded objects of any kinds; a copy costs little.
#[derive(Clone, Debug, Default)]
pub struct Objects(Vec<Value>);

impl Objects {
    /// One after the other.
    pub(super) fn each(&self) -> impl Iterator<Item = &Value> + Clone {
        self.0.iter()
    }

    /// They as JSON, in their order.
    pub fn to_json(&self) -> Vec<serde_json::Value> {
        self.0.iter().map(plain).collect()
    }

    /// All of them.
    pub(super) fn into_all(self) -> Vec<Value> {
        self.0
    }
}

impl FromIterator<serde_json::Value> for Objects {
    fn from_iter<I: IntoIterator<Item = serde_json::Value>>(objects: I) -> Self {
        objects.into_iter().map(Value::from).collect()
    }
}

impl From<Vec<Value>> for Objects {
    fn from(objects: Vec<Value>) -> Self {
        objects.into_iter().collect()
    }
}

impl FromIterator<Value> for Objects {
    fn from_iter<I: IntoIterator<Item = Value>>(objects: I) -> Self {
        let mut pool = Pool::default();
        let shared = objects.into_iter().map(|mut object| {
            pool.share(&mut object);
            object
        });
        Self(shared.collect())
    }
}

impl From<Vec<serde_json::Value>> for Objects {
    fn from(objects: Vec<serde_json::Value>) -> Self {
        objects.into_iter().collect()
    }
}
