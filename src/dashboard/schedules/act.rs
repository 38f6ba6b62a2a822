//! What can be done with a schedule: have it fire now, put it on hold and let it go on, switch it on and off.

use actix_web::web::Payload;
use maud::{Markup, html};

use super::named;
use crate::dashboard::READ;
use crate::dashboard::visit::{Answer, Visit};
use crate::schedule::{Schedule, Standing};

/// The buttons.
pub(super) fn buttons(visit: &Visit, schedule: &Schedule) -> Markup {
    let words = visit.words();
    let button = |act: &str, name: &str| {
        html! {
            form method="post" action=(visit.to(&format!("/schedules/{}/{act}", schedule.id))) { button { (name) } }
        }
    };
    html! {
        div class="buttons" {
            (button("run", words.run_now))
            @match schedule.standing(visit.service().now()) {
                Standing::Enabled => (button("pause", words.pause)),
                Standing::Paused => (button("resume", words.resume)),
                Standing::Disabled => (button("enable", words.enable)),
            }
            a class="button" href=(visit.to(&format!("/schedules/{}/edit", schedule.id))) { (words.edit) }
        }
    }
}

/// `POST /dashboard/schedules/{id}/run`
pub(in crate::dashboard) async fn run(visit: Visit, _: Payload) -> Answer {
    let id = named(&visit).await?.id.to_string();
    let room = visit.service().room_for(&visit.caller, 1).await?;
    let job = visit.service().run_schedule(visit.asked(&id), None).await?;
    room.fill([job.id]);
    // Who may not look at jobs stays with the schedule.
    let place = if visit.may(READ) { format!("/jobs/{}", job.id) } else { format!("/schedules/{id}") };
    Ok(visit.see(&visit.to(&place)))
}

/// `POST /dashboard/schedules/{id}/pause`
pub(in crate::dashboard) async fn pause(visit: Visit, _: Payload) -> Answer {
    let id = named(&visit).await?.id.to_string();
    visit.service().pause_schedule(visit.asked(&id), None).await?;
    Ok(visit.see(&visit.to(&format!("/schedules/{id}"))))
}

/// `POST /dashboard/schedules/{id}/resume`
pub(in crate::dashboard) async fn resume(visit: Visit, _: Payload) -> Answer {
    let id = named(&visit).await?.id.to_string();
    visit.service().resume_schedule(visit.asked(&id)).await?;
    Ok(visit.see(&visit.to(&format!("/schedules/{id}"))))
}

/// `POST /dashboard/schedules/{id}/enable`
pub(in crate::dashboard) async fn enable(visit: Visit, _: Payload) -> Answer {
    let id = named(&visit).await?.id.to_string();
    visit.service().switch_schedule(visit.asked(&id), true).await?;
    Ok(visit.see(&visit.to(&format!("/schedules/{id}"))))
}
