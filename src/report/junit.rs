//! JUnit XML, as CI systems read it: <https://github.com/testmoapp/junitxml>.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

use crate::error::{Error, Result};

/// How a test case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Fine, or nothing that counts.
    Passed,
    /// It counts against the suite.
    Failed,
    /// It could not be told.
    Skipped,
}

/// One test case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found; the first line is the message of a failure.
    pub text: String,
}

/// A suite with its cases.
///
/// # Errors
/// None is known; the library's word is passed on.
pub fn junit(suite: &str, cases: &[Case]) -> Result<String> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    document(&mut writer, suite, cases)
        .map_err(|e| Error::failed(format!("the JUnit report could not be written: {e}")))?;
    Ok(String::from_utf8_lossy(&writer.into_inner()).into_owned() + "\n")
}

fn document(writer: &mut Writer<Vec<u8>>, name: &str, cases: &[Case]) -> io::Result<()> {
    writer.write_event(Event::Decl(quick_xml::events::BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let with = |verdict| cases.iter().filter(|c| c.verdict == verdict).count().to_string();
    let counts = [
        ("name", name.to_owned()),
        ("tests", cases.len().to_string()),
        ("failures", with(Verdict::Failed)),
        ("errors", "0".to_owned()),
        ("skipped", with(Verdict::Skipped)),
    ];
    let counts = || counts.iter().map(|(key, value)| (*key, value.as_str()));
    writer.write_event(Event::Start(BytesStart::new("testsuites").with_attributes(counts())))?;
    writer.write_event(Event::Start(BytesStart::new("testsuite").with_attributes(counts())))?;
    for case in cases {
        write_case(writer, name, case)?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    writer.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn write_case(writer: &mut Writer<Vec<u8>>, class: &str, case: &Case) -> io::Result<()> {
    let text = printable(&case.text);
    let message = text.lines().next().unwrap_or_default();
    let element = writer
        .create_element("testcase")
        .with_attributes([("classname", class), ("name", printable(&case.name).as_str())]);
    element.write_inner_content(|inner| {
        let tag = match case.verdict {
            Verdict::Passed => inner.create_element("system-out"),
            Verdict::Failed => inner.create_element("failure").with_attribute(("message", message)),
            Verdict::Skipped => inner.create_element("skipped").with_attribute(("message", message)),
        };
        tag.write_text_content(BytesText::new(&text)).map(drop)
    })?;
    Ok(())
}

/// XML 1.0 has no way to write most control characters.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_written_as_ci_reads_them() {
        let case = |name: &str, verdict, text: &str| Case { name: name.into(), verdict, text: text.into() };
        let cases = [
            case("A", Verdict::Passed, "fine"),
            case("B \"b\"", Verdict::Failed, "5 < 6 & \u{1b}[31m7\nmore"),
            case("C", Verdict::Skipped, "no answer"),
        ];
        let text = junit("preflight", &cases).expect("a report");
        let wanted = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="preflight" tests="3" failures="1" errors="0" skipped="1">
  <testsuite name="preflight" tests="3" failures="1" errors="0" skipped="1">
    <testcase classname="preflight" name="A">
      <system-out>fine</system-out>
    </testcase>
    <testcase classname="preflight" name="B &quot;b&quot;">
      <failure message="5 &lt; 6 &amp; [31m7">5 &lt; 6 &amp; [31m7
more</failure>
    </testcase>
    <testcase classname="preflight" name="C">
      <skipped message="no answer">no answer</skipped>
    </testcase>
  </testsuite>
</testsuites>
"#;
        assert_eq!(text, wanted);
    }
}
