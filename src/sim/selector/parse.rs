//! The grammar of label selectors in queries, with the server's words for what does not fit
//! (`k8s.io/apimachinery/pkg/labels/selector.go`).

use crate::sim::value::json;

use super::Requirement;
use crate::sim::validate::{LABEL_VALUE, is_label_value, label_key_problems};

/// Words and signs that are no identifiers.
const SIGNS: &[&str] = &[")", ",", "!", "==", "=", ">", "in", "<", "!=", "notin", "("];
const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// Reads a selector.
///
/// # Errors
/// The server's sentence about what does not fit.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut all = Vec::new();
    loop {
        match parser.peek() {
            Token::End => break,
            Token::Name(_) | Token::Sign("!") => {
                all.push(parser.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?);
                match parser.next() {
                    Token::End => break,
                    Token::Sign(",") if !matches!(parser.peek(), Token::Name(_) | Token::Sign("!")) => {
                        return Err(format!(
                            "found '{}', expected: identifier after ','",
                            parser.peek().text()
                        ));
                    }
                    Token::Sign(",") => {}
                    other => {
                        return Err(format!("found '{}', expected: ',' or 'end of string'", other.text()));
                    }
                }
            }
            other @ Token::Sign(_) => {
                return Err(format!("found '{}', expected: !, identifier, or 'end of string'", other.text()));
            }
        }
    }
    all.sort_by(|a, b| a.key().cmp(b.key()));
    Ok(all)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Sign(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Sign(sign) => sign,
            Self::End => "",
        }
    }

    /// `in` and `notin` are names where no operator can stand.
    fn into_name(self) -> Self {
        match self {
            Self::Sign(word @ ("in" | "notin")) => Self::Name(word.to_owned()),
            other => other,
        }
    }
}

fn sign(text: &str) -> Option<&'static str> {
    SIGNS.iter().find(|sign| **sign == text).copied()
}

fn tokens(text: &str) -> Vec<Token> {
    let is_special = |c: char| "=!(),><".contains(c);
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if is_special(first) {
            let two = rest.get(..2).filter(|two| sign(two).is_some());
            let one = &rest[..1];
            all.extend(sign(two.unwrap_or(one)).map(Token::Sign));
            two.unwrap_or(one).len()
        } else {
            let end = rest.find(|c: char| is_special(c) || c.is_ascii_whitespace()).unwrap_or(rest.len());
            all.push(sign(&rest[..end]).map_or_else(|| Token::Name(rest[..end].to_owned()), Token::Sign));
            end
        };
        rest = rest[taken..].trim_start();
    }
    all.push(Token::End);
    all
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    /// The token that comes.
    fn peek(&self) -> Token {
        self.tokens.get(self.at).cloned().unwrap_or(Token::End).into_name()
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let is_absent = token == Token::Sign("!");
        if is_absent {
            token = self.next();
        }
        let Token::Name(key) = token else {
            return Err(format!("found '{}', expected: identifier", token.text()));
        };
        check_key(&key)?;
        let is_alone = matches!(self.peek(), Token::End | Token::Sign(","));
        if is_absent {
            return Ok(Requirement::Absent(key));
        }
        if is_alone {
            return Ok(Requirement::Exists(key));
        }
        let operator = self.tokens.get(self.at).cloned().unwrap_or(Token::End);
        self.at += 1;
        match operator {
            Token::Sign("in") => Ok(Requirement::In(key.clone(), checked(&key, self.values()?)?)),
            Token::Sign("notin") => Ok(Requirement::NotIn(key.clone(), checked(&key, self.values()?)?)),
            Token::Sign("=" | "==") => {
                let value = self.value()?;
                checked(&key, vec![value.clone()])?;
                Ok(Requirement::Is(key, value))
            }
            Token::Sign("!=") => Ok(Requirement::NotIn(key.clone(), checked(&key, vec![self.value()?])?)),
            Token::Sign(">") => Ok(Requirement::More(key, number(&self.value()?)?)),
            Token::Sign("<") => Ok(Requirement::Less(key, number(&self.value()?)?)),
            other => Err(format!("found '{}', expected: {OPERATORS}", other.text())),
        }
    }

    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End | Token::Sign(",")) {
            return Ok(String::new());
        }
        match self.next() {
            Token::Name(value) => Ok(value),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    /// Values in parentheses; between commas the empty one.
    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next() {
            Token::Sign("(") => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        let mut all = Vec::new();
        match self.peek() {
            Token::Name(_) | Token::Sign(",") => {}
            Token::Sign(")") => {
                self.at += 1;
                return Ok(vec![String::new()]);
            }
            other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
        }
        loop {
            match self.next() {
                Token::Name(value) => {
                    all.push(value);
                    match self.peek() {
                        Token::Sign(",") => {}
                        Token::Sign(")") => break,
                        other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
                    }
                }
                Token::Sign(",") => {
                    let is_empty_next = matches!(self.peek(), Token::Sign(")" | ","));
                    if all.is_empty() || is_empty_next {
                        all.push(String::new());
                    }
                    if self.peek() == Token::Sign(")") {
                        break;
                    }
                }
                other => return Err(format!("found '{}', expected: ',', or identifier", other.text())),
            }
        }
        self.at += 1;
        all.sort();
        all.dedup();
        Ok(all)
    }
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| {
        format!("values[0]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer")
    })
}

fn check_key(key: &str) -> Result<(), String> {
    let problems = label_key_problems(key);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("<nil>: Invalid value: {key:?}: {}", problems.join("; ")))
    }
}

fn checked(key: &str, values: Vec<String>) -> Result<Vec<String>, String> {
    let wrong = values.iter().enumerate().filter(|(_, v)| !is_label_value(v));
    let all: Vec<String> = wrong
        .map(|(at, v)| format!("values[{at}][{key}]: Invalid value: {}: {LABEL_VALUE}", json!(v)))
        .collect();
    match all.as_slice() {
        [] => Ok(values),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_as_the_server_tells_it() {
        for (text, wanted) in [
            ("app=we b", "found 'b', expected: ',' or 'end of string'"),
            ("(app)", "found '(', expected: !, identifier, or 'end of string'"),
            ("app in (web", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("app in web", "unable to parse requirement: found 'web' expected: '('"),
            ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("app===web", "unable to parse requirement: found '=', expected: identifier"),
            ("app=web,", "found '', expected: identifier after ','"),
            ("!app=web", "found '=', expected: ',' or 'end of string'"),
        ] {
            assert_eq!(parse(text).unwrap_err(), wanted, "{text}");
        }
        let empty = parse("in in (,a)").unwrap();
        assert_eq!(empty, [Requirement::In("in".into(), vec![String::new(), "a".into()])]);
    }
}
