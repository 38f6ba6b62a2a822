//! What every answer tells a browser besides its own headers: take it for what it says it is, keep no copy of it, and, for
//! pages, run nothing of others and show it in nobody's frame.

#[cfg(feature = "docs")]
use actix_web::HttpResponseBuilder;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// What the pages of this program may load: what comes with them. Styles stand in their markup, and pictures in their styles.
#[cfg(feature = "docs")]
const PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The headers of every answer. Jobs are of somebody, so nothing of them stays behind in a cache; what has a tag may be kept by
/// its reader alone, who asks each time whether it is still so.
pub(crate) fn secure(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        let kept = if headers.contains_key(header::ETAG) { "private, no-cache" } else { "no-store" };
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    }
}

/// The headers of a page of this program.
#[cfg(feature = "docs")]
pub(crate) fn page(answer: &mut HttpResponseBuilder) {
    answer
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGES))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        // The pages are part of the program: another version brings others.
        .insert_header((header::CACHE_CONTROL, "no-cache"));
}
