//! `/nodes`: who lives.

use actix_web::http::StatusCode;
use actix_web::web::Payload;

use super::call::{Answer, Call};
use super::present::json;
use super::query;
use super::view::{Listed, NodeView};

/// `GET /nodes`
pub(crate) async fn list(call: Call, _: Payload) -> Answer {
    query::none(&call)?;
    let service = call.service();
    let nodes = service.nodes().await?;
    let views = nodes.iter().map(|node| NodeView::of(node, service.node())).collect();
    json(StatusCode::OK, &Listed::whole(views, "node"))
}
