//! The label selector syntax of `--pod-selector` (apimachinery pkg/labels/selector.go, Parse).

use crate::model::{Expression, Operator, Selector};

/// A selector that kubectl would not take either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "selector \"{selector}\": {part:?} is not understood, expected key=value, key!=value, key, !key, \
     key in (a,b) or key notin (a,b)"
)]
pub struct SelectorError {
    /// The whole selector.
    pub selector: String,
    /// The part that was not understood.
    pub part: String,
}

/// Reads a selector; the empty one selects everything.
///
/// # Errors
/// Names the part that was not understood; `<` and `>`, which compare numbers, are not taken for pods.
pub fn parse_selector(text: &str) -> Result<Selector, SelectorError> {
    let mut selector = Selector::default();
    if text.trim().is_empty() {
        return Ok(selector);
    }
    for part in requirements(text) {
        let fault = || SelectorError { selector: text.to_owned(), part: part.trim().to_owned() };
        selector.expressions.push(requirement(part.trim()).ok_or_else(fault)?);
    }
    Ok(selector)
}

/// Splits at commas outside of parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    })
    .collect()
}

fn requirement(text: &str) -> Option<Expression> {
    if let Some(key) = text.strip_prefix('!') {
        return expression(key, Operator::DoesNotExist, &[]);
    }
    if let Some((head, list)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let mut head = head.split_whitespace();
        let (key, operator) = (head.next()?, head.next()?);
        let operator = match operator {
            "in" => Operator::In,
            "notin" => Operator::NotIn,
            _ => return None,
        };
        let values: Vec<&str> = list.split(',').collect();
        return head.next().is_none().then(|| expression(key, operator, &values)).flatten();
    }
    if let Some((key, value)) = text.split_once("!=") {
        return expression(key, Operator::NotIn, &[value]);
    }
    match text.split_once("==").or_else(|| text.split_once('=')) {
        Some((key, value)) => expression(key, Operator::In, &[value]),
        None => expression(text, Operator::Exists, &[]),
    }
}

fn expression(key: &str, operator: Operator, values: &[&str]) -> Option<Expression> {
    let word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let key = key.trim();
    let (prefix, name) = key.split_once('/').unwrap_or(("", key));
    let fine =
        !name.is_empty() && word(prefix) && word(name) && values.iter().all(|value| word(value.trim()));
    fine.then(|| Expression {
        key: key.into(),
        operator,
        values: values.iter().map(|value| value.trim().into()).collect(),
    })
}
