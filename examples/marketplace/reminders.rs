//! Who has an appointment tomorrow is reminded of it.

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use serde_json::json;

use crate::Market;
use crate::data::{Base, Notice, stored};

pub const SEND: &str = "send_reminder_emails";

/// Reminds clients of the appointments of tomorrow.
pub struct SendReminderEmails(pub Market);

impl Processor for SendReminderEmails {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("email"), summary: "Reminds of tomorrow's appointments.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let Market { data, days, .. } = &self.0;
        let tomorrow = days.tomorrow(days.moment_of(ctx))?;
        let due: Vec<(i64, String, i64)> = data
            .connect(Base::Vehicles)?
            .prepare(
                "SELECT id, client_email, at FROM appointments WHERE at >= ?1 AND at < ?2 AND NOT reminder_sent ORDER BY at",
            )?
            .query_map((stored(tomorrow.start), stored(tomorrow.end)), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut sent = 0;
        for appointment in ctx.track(&due) {
            let (id, client, at) = appointment?;
            // The notice and the mark are one step: after a crash in between nobody is reminded twice or left out.
            sent += u32::from(data.write(Base::Vehicles, |transaction| {
                transaction.execute("UPDATE appointments SET reminder_sent = 1 WHERE id = ?1", [id])?;
                let at = faena::clock::Timestamp::from_millis(*at);
                let notice = Notice {
                    about: format!("appointment/{id}"),
                    recipient: client,
                    subject: "Reminder: Appointment Tomorrow",
                    body: format!("Your appointment is scheduled for {at}"),
                };
                Ok(notice.send(transaction, ctx.job_id())?)
            })?);
        }
        ctx.complete_json(&json!({ "sent": sent }))
    }
}
