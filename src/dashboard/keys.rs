//! `/dashboard/keys`: who may come in. A key is made here, and its secret shown once; one is taken back.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use maud::{Markup, html};

use super::form::Form;
use super::part::{self, Told};
use super::visit::{Answer, Visit};
use crate::error::Error;
use crate::http::problem::status_of;
use crate::key::{ApiKey, KeyId, NewKey, Scope, Standing};

/// `GET /dashboard/keys`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    show(&visit, StatusCode::OK, None, None).await
}

async fn show(
    visit: &Visit,
    status: StatusCode,
    secret: Option<&str>,
    complaint: Option<&Error>,
) -> Result<HttpResponse, Error> {
    let words = visit.words();
    let keys = visit.service().keys().await?;
    let body = html! {
        h1 { (words.keys) }
        @if let Some(secret) = secret {
            section class="notice" role="status" {
                strong { (words.key_made) }
                p { code id="secret" class="secret" { (secret) } }
            }
        }
        @if let Some(complaint) = complaint { p class="notice bad" role="alert" { (complaint) } }
        @if keys.is_empty() {
            section class="empty" { h2 { (words.no_keys) } p { (words.no_keys_hint) } }
        } @else {
            table class="list" {
                thead {
                    tr {
                        th scope="col" { (words.name) }
                        th scope="col" { (words.scopes) }
                        th scope="col" class="minor" { (words.user) }
                        th scope="col" { (words.status) }
                        th scope="col" class="minor" { (words.last_used) }
                        th scope="col" { span class="unseen" { (words.acts) } }
                    }
                }
                tbody { @for key in &keys { (row(visit, key)) } }
            }
        }
        (form(visit, keys.is_empty()))
    };
    let mut page = visit.page(words.keys, body);
    *page.status_mut() = status;
    Ok(page)
}

fn row(visit: &Visit, key: &ApiKey) -> Markup {
    let words = visit.words();
    let standing = key.standing(visit.service().now());
    let (class, name) = match standing {
        Standing::Valid => ("completed", words.valid),
        Standing::Expired => ("cancelled", words.expired),
        Standing::Revoked => ("failed", words.revoked),
    };
    html! {
        tr {
            td class="job" { span class="name" { (key.name) } }
            td { @for scope in &key.scopes { span class="tag" { (scope) } " " } }
            td class="minor" { (key.user_id.as_deref().unwrap_or("–")) }
            td {
                span class={ "status " (class) } { (name) }
                @if let Some(at) = key.expires_at { " " span class="quiet" { (part::time(at, Told::Ago)) } }
            }
            td class="minor" { @if let Some(at) = key.last_used_at { (part::time(at, Told::Ago)) } @else { "–" } }
            td {
                @if standing == Standing::Valid {
                    form method="post" action=(visit.to(&format!("/keys/{}/revoke", key.id))) { button class="danger" { (words.revoke) } }
                }
            }
        }
    }
}

/// A key to make. The first one must be able to make others.
fn form(visit: &Visit, is_first: bool) -> Markup {
    let words = visit.words();
    html! {
        form method="post" action=(visit.to("/keys")) class="card enqueue" {
            h2 { (words.make_key) }
            div class="filters" {
                label { span { (words.name) } input name="name" required; }
                label { span { (words.user) } input name="userId"; }
            }
            fieldset class="scopes" {
                legend { (words.scopes) }
                @for scope in Scope::ALL {
                    label class="check" {
                        input type="checkbox" name="scope" value=(scope.as_str()) checked[is_first && *scope == Scope::Admin];
                        " " code { (scope) }
                    }
                }
            }
            div class="buttons" { button class="primary" { (words.make_key) } }
        }
    }
}

/// `POST /dashboard/keys`
pub(super) async fn make(visit: Visit, payload: Payload) -> Answer {
    let sent = Form::read(&visit, payload).await?;
    let scopes = sent.all("scope").filter_map(|word| word.parse().ok()).collect();
    let name = sent.text("name").unwrap_or_default().into();
    let new = NewKey {
        name,
        scopes,
        user_id: sent.text("userId").map(Into::into),
        by: Some(visit.called()),
        ..NewKey::default()
    };
    match visit.service().create_key(new).await {
        Ok((_, secret)) => show(&visit, StatusCode::CREATED, Some(secret.reveal()), None).await,
        Err(error) => show(&visit, status_of(&error), None, Some(&error)).await,
    }
}

/// `POST /dashboard/keys/{id}/revoke`
pub(super) async fn revoke(visit: Visit, _: Payload) -> Answer {
    let text = visit.part("id");
    let missing = || Error::NotFound { what: "key", id: text.chars().take(100).collect() };
    let id: KeyId = text.parse().map_err(|_| missing())?;
    visit.service().revoke_key(id, &visit.called()).await?;
    Ok(visit.see(&visit.to("/keys")))
}
