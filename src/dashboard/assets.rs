//! Scripts and styles: files of this folder, as part of the program. Their addresses carry a digest of all of them, so that a browser
//! may keep them for good; another version of the program has other addresses.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Payload;
use sha2::{Digest, Sha256};

use super::visit::{Answer, Visit};
use crate::error::Error;

const FILES: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("assets/style.css")),
    ("app.js", "text/javascript; charset=utf-8", include_str!("assets/app.js")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("assets/live.js")),
    ("morph.js", "text/javascript; charset=utf-8", include_str!("assets/morph.js")),
    ("times.js", "text/javascript; charset=utf-8", include_str!("assets/times.js")),
];

/// Digest of all files.
static EDITION: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    FILES.iter().for_each(|(name, _, text)| {
        digest.update(name);
        digest.update(text);
    });
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// The address of a file.
pub(super) fn address(visit: &Visit, name: &str) -> String {
    visit.to(&format!("/assets/{}/{name}", *EDITION))
}

/// `GET /dashboard/assets/{edition}/{file}`
pub(super) async fn file(visit: Visit, _: Payload) -> Answer {
    let (edition, name) = (visit.part("edition"), visit.part("file"));
    let found = FILES.iter().find(|(known, _, _)| *known == name);
    let (_, content_type, text) = found.ok_or_else(|| Error::NotFound { what: "file", id: name.to_owned() })?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::ETAG, format!("\"{}\"", *EDITION)));
    // A page of an earlier version gets the file of this one, and asks again.
    let kept = if edition == *EDITION { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert_header((header::CACHE_CONTROL, kept));
    Ok(answer.content_type(*content_type).body(*text))
}
