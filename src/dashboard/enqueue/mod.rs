//! `/dashboard/enqueue`: asking for a job by a form that is made of its processor's JSON Schema, or anew with the input of an
//! earlier one. What the server complains about stands beside the field that it is about.

mod fields;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::form::Form;
use super::part::viewer::BYTES_SHOWN_MAX;
use super::visit::{Answer, Visit};
use super::{READ, part};
use crate::error::{Error, FieldError};
use crate::http::problem::status_of;
use crate::http::{body, request};
use crate::job::{Job, NewJob, Priority};
use crate::key::Caller;

/// What stands in the form.
#[derive(Default)]
struct Filled {
    sub_type: String,
    payload: Map<String, Value>,
    /// The payload as text, where it is written as JSON.
    text: Option<String>,
    priority: Priority,
    tags: String,
    user: String,
    delay: String,
    faults: Vec<FieldError>,
    told: Option<String>,
}

/// `GET /dashboard/enqueue`
pub(super) async fn page(visit: Visit, _: Payload) -> Answer {
    let mut query = visit.query()?;
    let (sub_type, from, as_json) = (query.one("subType"), query.one("from"), query.one("as"));
    query.end()?;
    let mut filled = match from {
        Some(id) => from_job(&visit, &id).await?,
        None => Filled { sub_type: sub_type.unwrap_or_default(), ..Filled::default() },
    };
    if as_json.is_some() {
        filled.text = Some(pretty(&filled.payload));
    }
    show(&visit, StatusCode::OK, &filled).await
}

/// The form with the input of an earlier job.
async fn from_job(visit: &Visit, id: &str) -> Result<Filled, Error> {
    // It shows what stands in the job.
    visit.caller.may(READ)?;
    let id = id.parse().map_err(|_| Error::no_job(id.chars().take(100).collect::<String>()))?;
    let job = visit.service().job(id).await?;
    if !visit.caller.sees(job.spec.user_id.as_deref()) {
        return Err(Error::no_job(id));
    }
    let payload = visit.service().store().payload(id).await?.unwrap_or_default();
    if payload.len() > BYTES_SHOWN_MAX {
        return Err(Error::invalid("the payload of this job is too long for a form; ask for it with `faena enqueue`"));
    }
    Ok(of_job(&job, &payload))
}

fn of_job(job: &Job, payload: &[u8]) -> Filled {
    let spec = &*job.spec;
    Filled {
        sub_type: spec.sub_type.to_string(),
        payload: serde_json::from_slice(payload).unwrap_or_default(),
        priority: spec.priority,
        tags: spec.tags().join(", "),
        user: spec.user_id.as_deref().unwrap_or_default().to_owned(),
        ..Filled::default()
    }
}

async fn show(visit: &Visit, status: StatusCode, filled: &Filled) -> Result<HttpResponse, Error> {
    let words = visit.words();
    // What workers of other processes do is learned by looking.
    let names: Vec<_> = match visit.may(super::COUNT) {
        true => visit.service().processors().await?.into_iter().map(|one| one.sub_type.to_string()).collect(),
        false => visit.service().registry().iter().map(|one| one.sub_type.to_string()).collect(),
    };
    let processor = visit.service().registry().get(&filled.sub_type);
    let chosen = !filled.sub_type.is_empty();
    let body = html! {
        h1 { (words.enqueue) }
        form method="get" action=(visit.to("/enqueue")) class="choose" {
            label {
                span { (words.sub_type) }
                select name="subType" required {
                    option value="" { "…" }
                    @for name in &names { option value=(name) selected[*name == filled.sub_type] { (name) } }
                }
            }
            button class=(if chosen { "" } else { "primary" }) { (words.choose) }
        }
        @if chosen {
            @if let Some(told) = &filled.told { p class="notice bad" role="alert" { (told) } }
            form method="post" action=(visit.to("/enqueue")) class="card enqueue" {
                input type="hidden" name="subType" value=(filled.sub_type);
                @if let Some(processor) = processor { p class="quiet" { (processor.summary) } }
                (payload(visit, filled, processor.map(|processor| &processor.schema)))
                (terms(visit, filled))
                div class="buttons" { button class="primary" { (words.enqueue) } }
            }
        }
    };
    let mut page = visit.page(words.enqueue, body);
    *page.status_mut() = status;
    Ok(page)
}

/// The input: field by field where there is a schema of them, or as JSON.
fn payload(visit: &Visit, filled: &Filled, schema: Option<&Value>) -> Markup {
    let words = visit.words();
    let known = schema.map(fields::of).filter(|fields| fields.iter().all(|field| !field.name.is_empty()));
    match known {
        Some(known) if filled.text.is_none() => html! {
            fieldset {
                legend { (words.payload) }
                @for field in &known { (field.draw(words, filled.payload.get(&field.name), &filled.faults)) }
                @if known.is_empty() { p class="quiet" { (words.no_fields) } }
                p { a href=(visit.to(&format!("/enqueue?as=json&subType={}", filled.sub_type))) { (words.as_json) } }
            }
        },
        _ => {
            let text = filled.text.clone().unwrap_or_else(|| pretty(&filled.payload));
            html! {
                label { span { (words.payload) " (JSON)" } textarea name="payload" rows="12" spellcheck="false" class="code" { (text) } }
                (complaint("payload", &filled.faults))
            }
        }
    }
}

/// What else is said of a job.
fn terms(visit: &Visit, filled: &Filled) -> Markup {
    let words = visit.words();
    html! {
        fieldset class="terms" {
            legend { (words.terms) }
            label {
                span { (words.priority) }
                select name="priority" {
                    @for one in Priority::ALL {
                        option value=(one.as_str()) selected[*one == filled.priority] { (part::priority(words, *one)) }
                    }
                }
            }
            label { span { (words.delay) } input name="delaySeconds" inputmode="decimal" value=(filled.delay); (complaint("delaySeconds", &filled.faults)) }
            label { span { (words.tags_hint) } input name="tags" value=(filled.tags); (complaint("tags", &filled.faults)) }
            @if visit.caller.user().is_none() {
                label { span { (words.user) } input name="userId" value=(filled.user); (complaint("userId", &filled.faults)) }
            }
        }
    }
}

/// What is wrong with a field, or with something in it.
fn complaint(name: &str, faults: &[FieldError]) -> Markup {
    let is_of = |fault: &&FieldError| {
        fault.field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    html! { @for fault in faults.iter().filter(is_of) { span class="complaint" role="alert" { (fault.message) } } }
}

/// `POST /dashboard/enqueue`
pub(super) async fn act(visit: Visit, payload: Payload) -> Answer {
    let sent = Form::read_with_payload(&visit, payload).await?;
    let mut filled = read(&visit, &sent);
    match accept(&visit, &filled).await {
        Ok(id) => Ok(visit.see(&visit.to(&format!("/jobs/{id}")))),
        Err(error) => {
            filled.told = Some(error.to_string());
            if let Error::Invalid { details, .. } = &error {
                filled.faults.clone_from(details);
            }
            show(&visit, status_of(&error), &filled).await
        }
    }
}

/// What was filled in. A field of the payload that is empty is left out.
fn read(visit: &Visit, sent: &Form) -> Filled {
    let text = |name: &str| sent.text(name).unwrap_or_default().to_owned();
    let sub_type = text("subType");
    let known = visit.service().registry().get(&sub_type).map(|processor| fields::of(&processor.schema));
    let mut payload = Map::new();
    for field in known.iter().flatten() {
        if let Some(value) = sent.text(&field.id()) {
            payload.insert(field.name.clone(), field.read(value));
        }
    }
    Filled {
        sub_type,
        payload,
        text: sent.text("payload").map(str::to_owned),
        priority: text("priority").parse().unwrap_or_default(),
        tags: text("tags"),
        user: text("userId"),
        delay: text("delaySeconds"),
        ..Filled::default()
    }
}

/// Has the job accepted, by the words of `POST /jobs`: what is refused there is refused here, in the same words.
async fn accept(visit: &Visit, filled: &Filled) -> Result<String, Error> {
    let payload = match &filled.text {
        Some(text) => serde_json::from_str(text).map_err(|error| Error::field("payload", error.to_string()))?,
        None => Value::Object(filled.payload.clone()),
    };
    let mut body = json!({ "subType": filled.sub_type, "payload": payload, "priority": filled.priority.as_str() });
    let tags: Vec<_> = filled.tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    if !tags.is_empty() {
        body["tags"] = json!(tags);
    }
    if !filled.user.is_empty() {
        body["userId"] = json!(filled.user);
    }
    if !filled.delay.is_empty() {
        let seconds: f64 =
            filled.delay.replace(',', ".").parse().map_err(|_| {
                Error::field("delaySeconds", "must be a number of seconds, not negative and not endless")
            })?;
        body["delaySeconds"] = json!(seconds);
    }
    let service = visit.service();
    let body = body.to_string();
    body::scan(body.as_bytes())?;
    let job = request::job(body.as_bytes(), service.registry(), service.now())?;
    let job = own(visit, job)?;
    let room = service.room_for(&visit.caller, 1).await?;
    let job = service.enqueue(job).await?;
    room.fill([job.id]);
    Ok(job.id.to_string())
}

/// A job as whoever signed in makes it: whose key is one user's makes that user's jobs.
fn own(visit: &Visit, job: NewJob) -> Result<NewJob, Error> {
    let by = matches!(visit.caller, Caller::Key(_)).then(|| visit.called().into());
    let user_id = visit.caller.owner(job.user_id.as_deref())?.map(Into::into);
    Ok(NewJob { user_id, by, ..job })
}

fn pretty(payload: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(payload).unwrap_or_default()
}
