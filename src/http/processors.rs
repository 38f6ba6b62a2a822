//! `/processors`: what is registered; stop and start handing out a subtype.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::json;
use super::query;
use super::view::{Created, Listed, ProcessorView};

/// `GET /processors`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let service = call.service();
    let standings = service.processors().await?;
    let views = standings.iter().map(|standing| ProcessorView::of(standing, service.node())).collect();
    json(StatusCode::OK, &Listed::whole(views, "processor"))
}

/// `POST /processors/{subType}/pause`
pub(crate) async fn pause(call: Call, _: Payload) -> Answer {
    switch(call, true).await
}

/// `POST /processors/{subType}/resume`
pub(crate) async fn resume(call: Call, _: Payload) -> Answer {
    switch(call, false).await
}

async fn switch(call: Call, paused: bool) -> Answer {
    query::none(&call)?;
    let service = call.service();
    let standing = service.pause(call.part("subType"), paused).await?;
    let name = &standing.sub_type;
    let message = if paused {
        format!("{name} is paused: its jobs wait, what runs goes on.")
    } else {
        format!("{name} is handed out again.")
    };
    json(StatusCode::OK, &Created::new(ProcessorView::of(&standing, service.node()), &message))
}
