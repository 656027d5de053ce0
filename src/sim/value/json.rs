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
    (@items [$($done:expr),*]) => { vec![$($done),*] };
    (@items [$($done:expr),*] null $(, $($rest:tt)*)?) => {
        $crate::sim::value::json!(@items [$($done,)* $crate::sim::value::Value::Null] $($($rest)*)?)
    };
    (@items [$($done:expr),*] { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        $crate::sim::value::json!(@items [$($done,)* $crate::sim::value::json!({ $($inner)* })] $($($rest)*)?)
    };
    (@items [$($done:expr),*] [ $($inner:tt)* ] $(, $($rest:tt)*)?) => {
        $crate::sim::value::json!(@items [$($done,)* $crate::sim::value::json!([ $($inner)* ])] $($($rest)*)?)
    };
    (@items [$($done:expr),*] $value:expr $(, $($rest:tt)*)?) => {
        $crate::sim::value::json!(@items [$($done,)* $crate::sim::value::ToValue::to_value(&$value)] $($($rest)*)?)
    };
    (null) => { $crate::sim::value::Value::Null };
    ({}) => { $crate::sim::value::Value::Object($crate::sim::value::Map::new()) };
    ([]) => { $crate::sim::value::Value::from(Vec::<$crate::sim::value::Value>::new()) };
    ({ $($members:tt)+ }) => {{
        let mut map = $crate::sim::value::Map::new();
        $crate::sim::value::json!(@members map $($members)+);
        $crate::sim::value::Value::Object(map)
    }};
    ([ $($items:tt)+ ]) => {
        $crate::sim::value::Value::from($crate::sim::value::json!(@items [] $($items)+))
    };
    ($value:expr) => { $crate::sim::value::ToValue::to_value(&$value) };
}

pub(crate) use json;
