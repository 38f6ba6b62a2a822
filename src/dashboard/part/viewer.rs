//! How bytes are shown by what they say they are: JSON as a tree, CSV as a table, text as text, pictures as pictures. A page of
//! its own is for a frame, which is whoever calls this one's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use super::tree::tree;
use crate::dashboard::words::Words;

/// Bytes that are looked at: more is for a download.
pub(in crate::dashboard) const BYTES_SHOWN_MAX: usize = 1024 * 1024;
/// Rows of a table that are shown.
const ROWS_MAX: usize = 200;
/// Columns of a table that are shown.
const COLUMNS_MAX: usize = 50;
/// Bytes of text that are shown.
const TEXT_MAX: usize = 64 * 1024;
/// Pictures that a browser draws and that can do nothing.
const PICTURES: &[&str] = &["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What the bytes show, if they can be shown.
pub(in crate::dashboard) fn view(words: &Words, content_type: &str, bytes: &[u8], whole: bool) -> Option<Markup> {
    let kind = media_type(content_type);
    let (shown, all) = match &*kind {
        "application/json" => json(bytes)?,
        kind if kind.ends_with("+json") => json(bytes)?,
        "text/csv" => table(bytes)?,
        kind if PICTURES.contains(&kind) && whole => (picture(kind, bytes), true),
        kind if kind.starts_with("text/") || kind == "application/xml" => text(bytes),
        _ => return None,
    };
    Some(html! {
        (shown)
        @if !(all && whole) { p class="quiet" { (words.shown_partly) } }
    })
}

/// A media type without its parameters, in lower case.
pub(in crate::dashboard) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// JSON text as a tree; as text when it is none.
pub(in crate::dashboard) fn json(bytes: &[u8]) -> Option<(Markup, bool)> {
    Some(serde_json::from_slice(bytes).map_or_else(|_| text(bytes), |value| tree(&value)))
}

/// As text, as far as that is shown.
pub(in crate::dashboard) fn text(bytes: &[u8]) -> (Markup, bool) {
    let shown = &bytes[..bytes.len().min(TEXT_MAX)];
    (html! { pre class="text" tabindex="0" { (String::from_utf8_lossy(shown)) } }, bytes.len() <= TEXT_MAX)
}

fn picture(kind: &str, bytes: &[u8]) -> Markup {
    html! { img class="picture" alt="" src={ "data:" (kind) ";base64," (STANDARD.encode(bytes)) }; }
}

fn table(bytes: &[u8]) -> Option<(Markup, bool)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let head = reader.byte_headers().ok()?.clone();
    let mut rows: Vec<csv::ByteRecord> = reader.byte_records().map_while(Result::ok).take(ROWS_MAX + 1).collect();
    let whole = rows.len() <= ROWS_MAX && head.len() <= COLUMNS_MAX;
    rows.truncate(ROWS_MAX);
    let cell = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let shown = html! {
        div class="scroll" tabindex="0" {
            table class="data" {
                thead { tr { @for field in head.iter().take(COLUMNS_MAX) { th scope="col" { (cell(field)) } } } }
                tbody {
                    @for row in &rows { tr { @for field in row.iter().take(COLUMNS_MAX) { td { (cell(field)) } } } }
                }
            }
        }
    };
    Some((shown, whole))
}
