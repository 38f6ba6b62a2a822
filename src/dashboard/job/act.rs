//! What can be done with one job: cancel, retry, discard. Each leads back to its page.

use actix_web::web::Payload;

use crate::dashboard::visit::{Answer, Visit};

/// `POST /dashboard/jobs/{id}/cancel`
pub(in crate::dashboard) async fn cancel(visit: Visit, _: Payload) -> Answer {
    let job = visit.job().await?;
    visit.service().cancel(job.id, &visit.called()).await?;
    Ok(visit.see(&visit.to(&format!("/jobs/{}", job.id))))
}

/// `POST /dashboard/jobs/{id}/retry`: also for one that waits for its time, which then runs at once.
pub(in crate::dashboard) async fn retry(visit: Visit, _: Payload) -> Answer {
    let job = visit.job().await?;
    visit.service().retry(job.id, &visit.called()).await?;
    Ok(visit.see(&visit.to(&format!("/jobs/{}", job.id))))
}

/// `POST /dashboard/jobs/{id}/discard`
pub(in crate::dashboard) async fn discard(visit: Visit, _: Payload) -> Answer {
    let job = visit.job().await?;
    visit.service().discard(job.id).await?;
    Ok(visit.see(&visit.to(&format!("/jobs/{}", job.id))))
}
