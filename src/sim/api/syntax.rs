//! What is wrong with a text that should be JSON, in the words of Go's `encoding/json` (`scanner.go`).

/// The words that Go has for what serde found.
pub(crate) fn go_error(text: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let said = error.to_string();
    let line = text.split(|byte| *byte == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let at = error.column().saturating_sub(1);
    let found = quoted(line.get(at).copied().unwrap_or_default());
    let known = PLACES.iter().find(|(serde, _)| said.starts_with(serde));
    let place = known.map(|(_, place)| (*place).to_owned()).or_else(|| in_literal(line, at));
    place.map_or(said, |place| format!("invalid character {found} {place}"))
}

/// The word that the letter at `at` does not continue.
fn in_literal(line: &[u8], at: usize) -> Option<String> {
    let before = line.get(..at)?;
    let start = before.iter().rposition(|byte| !byte.is_ascii_lowercase()).map_or(0, |end| end + 1);
    let word =
        ["true", "false", "null"].into_iter().find(|word| word.as_bytes().first() == line.get(start))?;
    let wanted = word.chars().nth(at - start)?;
    Some(format!("in literal {word} (expecting '{wanted}')"))
}

/// How serde begins, and the place that Go names.
const PLACES: [(&str, &str); 6] = [
    ("expected value", "looking for beginning of value"),
    ("key must be a string", "looking for beginning of object key string"),
    ("expected `:`", "after object key"),
    ("expected `,` or `}`", "after object key:value pair"),
    ("expected `,` or `]`", "after array element"),
    ("trailing characters", "after top-level value"),
];

fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b' '..=b'~' => format!("'{}'", char::from(byte)),
        _ => format!("'\\u{byte:04x}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::value::Value;

    #[test]
    fn mistakes_are_told_as_go_tells_them() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("{nonsense", "invalid character 'n' looking for beginning of object key string"),
            ("nonsense", "invalid character 'o' in literal null (expecting 'u')"),
            ("+", "invalid character '+' looking for beginning of value"),
            ("\u{7f}", r"invalid character '\u007f' looking for beginning of value"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1\n x}", "invalid character 'x' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} '", r"invalid character '\'' after top-level value"),
        ];
        for (text, wanted) in cases {
            let error = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(go_error(text.as_bytes(), &error), wanted, "{text}");
        }
    }
}
