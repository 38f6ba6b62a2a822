//! `/dashboard/schedules/new` and `/dashboard/schedules/{id}/edit`: the terms of a schedule in a form, in the words of `POST /schedules`.
//! Who changes what somebody else has changed meanwhile is told so, and looks again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::named;
use crate::dashboard::form::Form;
use crate::dashboard::part;
use crate::dashboard::visit::{Answer, Visit};
use crate::dashboard::words::escaped;
use crate::error::{Error, FieldError};
use crate::http::problem::status_of;
use crate::http::{body, terms};
use crate::job::Priority;
use crate::schedule::{MisfirePolicy, NewSchedule, OverlapPolicy, Schedule, Zone};

/// What stands in the form.
#[derive(Default)]
struct Filled {
    name: String,
    description: String,
    sub_type: String,
    cron: String,
    zone: String,
    payload: String,
    priority: String,
    misfire: String,
    overlap: String,
    /// The edition that whoever changes it has seen.
    edition: Option<u32>,
    faults: Vec<FieldError>,
    told: Option<String>,
}

impl Filled {
    fn of(schedule: &Schedule) -> Self {
        let spec = &*schedule.spec;
        let (cron, zone) = schedule.written();
        let payload: Option<Value> = serde_json::from_str(&spec.payload).ok();
        Self {
            name: spec.name.to_string(),
            description: spec.description.as_deref().unwrap_or_default().to_owned(),
            sub_type: spec.sub_type.to_string(),
            cron: cron.to_owned(),
            zone: zone.to_owned(),
            payload: payload.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_default(),
            priority: spec.priority.to_string(),
            misfire: spec.misfire.to_string(),
            overlap: spec.overlap.to_string(),
            edition: Some(schedule.life.edition),
            ..Self::default()
        }
    }

    fn read(sent: &Form) -> Self {
        let text = |name: &str| sent.text(name).unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            description: text("description"),
            sub_type: text("subType"),
            cron: text("cronExpression"),
            zone: text("timezone"),
            payload: text("payload"),
            priority: text("priority"),
            misfire: text("misfirePolicy"),
            overlap: text("overlapPolicy"),
            edition: sent.text("edition").and_then(|text| text.parse().ok()),
            ..Self::default()
        }
    }

    /// The terms in the words of the API. What is empty is as if left out.
    fn terms(&self) -> Result<String, Error> {
        let payload: Value = match &*self.payload {
            "" => json!({}),
            text => serde_json::from_str(text).map_err(|error| Error::field("payload", error.to_string()))?,
        };
        let or_none = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        let terms = json!({
            "name": self.name,
            "description": or_none(&self.description),
            "subType": self.sub_type,
            "cronExpression": self.cron,
            "timezone": or_none(&self.zone),
            "payload": payload,
            "priority": or_none(&self.priority),
            "misfirePolicy": or_none(&self.misfire),
            "overlapPolicy": or_none(&self.overlap),
        })
        .to_string();
        body::scan(terms.as_bytes())?;
        Ok(terms)
    }
}

/// `GET /dashboard/schedules/new`
pub(in crate::dashboard) async fn blank(visit: Visit, _: Payload) -> Answer {
    Ok(show(&visit, StatusCode::OK, &Filled::default()))
}

/// `POST /dashboard/schedules/new`
pub(in crate::dashboard) async fn create(visit: Visit, payload: Payload) -> Answer {
    let filled = Filled::read(&Form::read_with_payload(&visit, payload).await?);
    match made(&visit, &filled).await {
        Ok(place) => Ok(visit.see(&place)),
        Err(error) => Ok(complain(&visit, filled, &error)),
    }
}

async fn made(visit: &Visit, filled: &Filled) -> Result<String, Error> {
    let service = visit.service();
    let new = terms::terms(filled.terms()?.as_bytes(), service.registry())?.into_new();
    let created_by = visit.caller.owner(new.created_by.as_deref())?.map(Into::into);
    let schedule = service.create_schedule(NewSchedule { created_by, by: Some(visit.called().into()), ..new }).await?;
    Ok(visit.to(&format!("/schedules/{}", schedule.id)))
}

/// `GET /dashboard/schedules/{id}/edit`
pub(in crate::dashboard) async fn page(visit: Visit, _: Payload) -> Answer {
    let schedule = named(&visit).await?;
    Ok(show(&visit, StatusCode::OK, &Filled::of(&schedule)))
}

/// `POST /dashboard/schedules/{id}/edit`
pub(in crate::dashboard) async fn change(visit: Visit, payload: Payload) -> Answer {
    let schedule = named(&visit).await?;
    let filled = Filled::read(&Form::read_with_payload(&visit, payload).await?);
    match changed(&visit, &schedule, &filled).await {
        Ok(place) => Ok(visit.see(&place)),
        Err(error) => Ok(complain(&visit, filled, &error)),
    }
}

async fn changed(visit: &Visit, schedule: &Schedule, filled: &Filled) -> Result<String, Error> {
    let service = visit.service();
    let id = schedule.id.to_string();
    let change = terms::change(filled.terms()?.as_bytes())?;
    let edit = |schedule: &Schedule| change.over(schedule, service.registry())?.into_edit(schedule);
    service.amend_schedule(visit.asked(&id), filled.edition, edit).await?;
    Ok(visit.to(&format!("/schedules/{id}")))
}

fn complain(visit: &Visit, filled: Filled, error: &Error) -> HttpResponse {
    let faults = match error {
        Error::Invalid { details, .. } => details.clone(),
        Error::Taken { field, message } => {
            vec![FieldError { field: (*field).to_owned(), message: message.clone() }]
        }
        _ => Vec::new(),
    };
    show(visit, status_of(error), &Filled { faults, told: Some(error.to_string()), ..filled })
}

fn show(visit: &Visit, status: StatusCode, filled: &Filled) -> HttpResponse {
    let words = visit.words();
    let title = if filled.edition.is_some() { words.edit } else { words.new_schedule };
    let here = visit.here();
    let names: Vec<_> = visit.service().registry().iter().map(|processor| processor.sub_type.to_string()).collect();
    let complaint = |name: &str| -> Markup {
        let is_of = |fault: &&FieldError| fault.field == name || fault.field.starts_with(&format!("{name}."));
        html! { @for fault in filled.faults.iter().filter(is_of) { span class="complaint" role="alert" { (fault.message) } } }
    };
    let words_of = |name: &str, label: &str, all: &[(String, String)], chosen: &str| {
        html! {
            label {
                span { (label) }
                select name=(name) {
                    @for (value, text) in all { option value=(value) selected[value == chosen] { (text) } }
                }
            }
        }
    };
    let chosen = |text: &str, usual: &str| if text.is_empty() { usual.to_owned() } else { text.to_owned() };
    let same = |word: &str| (word.to_owned(), word.to_owned());
    let priorities: Vec<_> =
        Priority::ALL.iter().map(|one| (one.to_string(), part::priority(words, *one).to_owned())).collect();
    let misfires: Vec<_> = MisfirePolicy::ALL.iter().map(|one| same(one.as_str())).collect();
    let overlaps: Vec<_> = OverlapPolicy::ALL.iter().map(|one| same(one.as_str())).collect();
    let attempt = format!("/cron?expression={}&timezone={}", escaped(&filled.cron), escaped(&filled.zone));
    let body = html! {
        nav class="crumbs" { a href=(visit.to("/schedules")) { (words.schedules) } }
        h1 { (title) }
        @if let Some(told) = &filled.told { p class="notice bad" role="alert" { (told) } }
        form method="post" action=(here) class="card enqueue" {
            @if let Some(edition) = filled.edition { input type="hidden" name="edition" value=(edition); }
            fieldset class="terms" {
                legend { (words.schedule) }
                label { span { (words.name) } input name="name" value=(filled.name) required; (complaint("name")) }
                label { span { (words.description) } input name="description" value=(filled.description); (complaint("description")) }
            }
            fieldset class="terms" {
                legend { (words.when) }
                label { span { (words.expression) } input name="cronExpression" class="code" value=(filled.cron) placeholder="30 2 * * *" required spellcheck="false"; (complaint("cronExpression")) }
                label { span { (words.zone) } input name="timezone" list="zones" value=(filled.zone) placeholder="UTC"; (complaint("timezone")) }
                datalist id="zones" { @for name in Zone::names() { option value=(name) {} } }
                p { a href=(visit.to(&attempt)) target="_blank" { (words.try_cron) } }
            }
            fieldset class="terms" {
                legend { (words.job) }
                label { span { (words.sub_type) } input name="subType" list="sub-types" value=(filled.sub_type) required; (complaint("subType")) }
                datalist id="sub-types" { @for name in &names { option value=(name) {} } }
                (words_of("priority", words.priority, &priorities, &chosen(&filled.priority, Priority::default().as_str())))
                (words_of("misfirePolicy", words.misfire, &misfires, &chosen(&filled.misfire, MisfirePolicy::default().as_str())))
                (words_of("overlapPolicy", words.overlap, &overlaps, &chosen(&filled.overlap, OverlapPolicy::default().as_str())))
            }
            label { span { (words.payload) " (JSON)" } textarea name="payload" rows="6" class="code" spellcheck="false" placeholder="{}" { (filled.payload) } (complaint("payload")) }
            div class="buttons" { button class="primary" { (words.save) } }
        }
    };
    let mut page = visit.page(title, body);
    *page.status_mut() = status;
    page
}
