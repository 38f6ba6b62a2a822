//! The description of this API, as a document and as pages to browse. The pages are part of the program, so they work
//! without a network; they find the document beside them, so they work under any prefix.

use actix_web::HttpResponse;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::openapi;
use super::query;
use crate::error::Error;

/// `GET /openapi.json`
pub(crate) async fn json(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let text = openapi::openapi().to_json().map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(text))
}

/// `GET /openapi.yaml`
pub(crate) async fn yaml(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    Ok(HttpResponse::Ok().content_type("application/yaml").body(openapi::openapi_yaml()))
}

/// `GET /docs`: relative addresses of the pages need the slash at the end.
#[cfg(feature = "docs")]
pub(crate) async fn enter(call: Call, _: Payload) -> Answer {
    use actix_web::http::header;

    Ok(HttpResponse::Found().insert_header((header::LOCATION, format!("{}/", call.req.path()))).finish())
}

/// `GET /docs/…`
#[cfg(feature = "docs")]
pub(crate) async fn page(call: Call, _: Payload) -> Answer {
    use std::sync::Arc;

    use utoipa_swagger_ui::Config;

    use super::headers;
    use super::problem::Protocol;

    let config = Config::new(["../openapi.json"]).use_base_layout().try_it_out_enabled(true);
    let file = utoipa_swagger_ui::serve(call.part("file"), Arc::new(config))
        .map_err(|error| Error::internal(error.to_string()))?
        .ok_or(Protocol::NoSuchRoute)?;
    let mut answer = HttpResponse::Ok();
    headers::page(&mut answer);
    if file.gzpipped {
        answer.insert_header(actix_web::http::header::ContentEncoding::Gzip);
    }
    Ok(answer.content_type(file.content_type).body(file.bytes.into_owned()))
}
