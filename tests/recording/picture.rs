//! A terminal's lines as a moving picture (SVG with CSS animation), which a README can show.

use std::fmt::Write as _;

/// Lines that are seen at once.
const ROWS: usize = 28;
/// Height of a line, width of a character and the margin in pixels, at the font's size of 13.
const LINE: usize = 18;
const CHARACTER: usize = 8;
const MARGIN: usize = 12;
/// Steps of the animation for which the last picture stays; a step shows one more line.
const REST: usize = 33;
/// Milliseconds of a step.
const STEP: usize = 180;

/// The picture: a prompt with the command, then line after line; the oldest leave at the top.
pub(crate) fn picture(command: &str, lines: &[String], columns: u16) -> String {
    let prompt = format!("$ {command}");
    let lines: Vec<&str> = std::iter::once(&*prompt).chain(lines.iter().map(String::as_str)).collect();
    let (text_width, text_height) = (usize::from(columns) * CHARACTER, ROWS * LINE);
    let (width, height) = (text_width + 2 * MARGIN, text_height + 2 * MARGIN);
    let steps = lines.len() + REST;
    let time = steps * STEP;
    let page = frames("page", lines.len(), steps, |shown| format!("-{}", shown.saturating_sub(ROWS) * LINE));
    let cover = frames("cover", lines.len(), steps, |shown| (shown * LINE).to_string());
    // Where nothing moves, the last picture is seen.
    let (end, rest) = (lines.len().saturating_sub(ROWS) * LINE, lines.len() * LINE);
    let title = escaped(&prompt);
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" xml:space="preserve">
<title>{title}</title>
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #d8dee9; white-space: pre; }}
.page {{ transform: translateY(-{end}px); animation: page {time}ms step-end infinite; }}
.cover {{ transform: translateY({rest}px); animation: cover {time}ms step-end infinite; }}
@media (prefers-reduced-motion) {{ .page, .cover {{ animation: none; }} }}
{page}{cover}</style>
<rect width="100%" height="100%" rx="8" fill="#1c2128"/>
<svg x="{MARGIN}" y="{MARGIN}" width="{text_width}" height="{text_height}">
<g class="page">
"##
    );
    for (row, line) in lines.iter().enumerate() {
        let _ = writeln!(svg, r#"<text y="{}">{}</text>"#, row * LINE + 13, escaped(line));
    }
    svg += &format!("<rect class=\"cover\" width=\"100%\" height=\"{rest}\" fill=\"#1c2128\"/>\n");
    svg += "</g>\n</svg>\n</svg>\n";
    svg
}

/// One step of an animation per line; `at` tells how far down things are when so many lines are shown.
fn frames(name: &str, lines: usize, steps: usize, at: impl Fn(usize) -> String) -> String {
    let mut css = format!("@keyframes {name} {{\n");
    for shown in 1..=lines {
        // In hundredths of a percent, which is fine enough for a thousand lines.
        let when = (shown - 1) * 10_000 / steps;
        let _ =
            writeln!(css, "{}.{:02}% {{ transform: translateY({}px); }}", when / 100, when % 100, at(shown));
    }
    let _ = writeln!(css, "100% {{ transform: translateY({}px); }}\n}}", at(lines));
    css
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}
