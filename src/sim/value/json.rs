//! Values as they are written.

/// A value as JSON writes it, with expressions in it that are borrowed.
macro_rules! json {
    (@members $map:ident) => {};
    (@members $map:ident $name:tt : null $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::sim::value::Value::Null);
        $crate::sim::value::json!(@members $map $($($rest)*)?);
    };
    (@members $map:ident $name:tt : { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::sim::value::json!({ $($inner)* }));
        $crate::sim::value::json!(@members $map $($($rest)*)?);
    };
    (@members $map:ident $name:tt : [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::sim::value::json!([ $($inner)* ]));
        $crate::sim::value::json!(@members $map $($($rest)*)?);
    };
    (@members $map:ident $name:tt : $value:expr $(, $($rest:tt)*)?) => {
        $map.insert($name, $crate::sim::value::ToValue::to_value(&$value));
        $crate::sim::value::json!(@members $map $($($rest)*)?);
    };
    (@items $items:ident) => {};
    (@items $items:ident null $(, $($rest:tt)*)?) => {
        $items.push($crate::sim::value::Value::Null);
        $crate::sim::value::json!(@items $items $($($rest)*)?);
    };
    (@items $items:ident { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $items.push($crate::sim::value::json!({ $($inner)* }));
        $crate::sim::value::json!(@items $items $($($rest)*)?);
    };
    (@items $items:ident [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $items.push($crate::sim::value::json!([ $($inner)* ]));
        $crate::sim::value::json!(@items $items $($($rest)*)?);
    };
    (@items $items:ident $value:expr $(, $($rest:tt)*)?) => {
        $items.push($crate::sim::value::ToValue::to_value(&$value));
        $crate::sim::value::json!(@items $items $($($rest)*)?);
    };
    (null) => { $crate::sim::value::Value::Null };
    ({}) => { $crate::sim::value::Value::Object($crate::sim::value::Map::new()) };
    ([]) => { $crate::sim::value::Value::from(Vec::<$crate::sim::value::Value>::new()) };
    ({ $($members:tt)+ }) => {{
        let mut map = $crate::sim::value::Map::new();
        $crate::sim::value::json!(@members map $($members)+);
        $crate::sim::value::Value::Object(map)
    }};
    ([ $($items:tt)+ ]) => {{
        let mut items: Vec<$crate::sim::value::Value> = Vec::new();
        $crate::sim::value::json!(@items items $($items)+);
        $crate::sim::value::Value::from(items)
    }};
    ($value:expr) => { $crate::sim::value::ToValue::to_value(&$value) };
}

pub(crate) use json;
