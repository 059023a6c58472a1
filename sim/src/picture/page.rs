//! A picture as one page for a browser, with everything in it: it loads nothing.

use super::model::Picture;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: [&str; 4] = [
    include_str!("page/layout.js"),
    include_str!("page/draw.js"),
    include_str!("page/details.js"),
    include_str!("page/controls.js"),
];

/// The page.
pub fn page(picture: &Picture) -> String {
    // Plain structs with string keys: this cannot fail.
    let data = serde_json::to_string(picture).unwrap_or_default();
    let mut page = String::with_capacity(data.len() + 64 * 1024);
    // What was put in is not looked at again, so that no text of a run is taken for a gap.
    let mut rest = TEMPLATE;
    for (gap, text) in [
        ("@TITLE@", in_html(&picture.title)),
        ("@STYLE@", STYLE.to_owned()),
        ("@HEADING@", in_html(&picture.title)),
        ("@SCENARIO@", in_html(&picture.scenario)),
        ("@DATA@", in_script(&data)),
        ("@SCRIPT@", SCRIPT.join("\n")),
    ] {
        let (before, after) = rest.split_once(gap).unwrap_or((rest, ""));
        page += before;
        page += &text;
        rest = after;
    }
    page + rest
}

/// Text that stands in HTML.
fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON that stands in a script: what could end it is only ever in strings, and is escaped there.
fn in_script(json: &str) -> String {
    let escaped = [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")];
    escaped.iter().fold(json.to_owned(), |json, (what, by)| json.replace(what, by))
}
