//! Users: many at once, from a list. The list goes in by chunks, each in one transaction; a user that cannot be
//! stored is counted and named, and the others go on.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, web};
use faena::http::{accepted, refused};
use faena::job::{Name, NewJob, Priority};
use faena::service::Service;
use faena::work::{Completion, Context, Description, Failure, Processor};
use rusqlite::Transaction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::{Validate, ValidationError};

use crate::database::{Database, fenced};
use crate::door;

/// Key of the import.
pub const IMPORT: &str = "bulk_import_users";
/// Key of the welcome that follows it.
pub const WELCOME: &str = "send_welcome_mails";

/// Users that one transaction stores: few enough for others to write in between, enough for the disk to keep up.
const CHUNK: usize = 100;

/// What to import.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Import {
    #[validate(length(min = 1, max = 100_000, message = "debe tener de 1 a 100000 usuarios"), nested)]
    users: Vec<NewUser>,
    /// Whether each new user gets a welcome.
    #[serde(default)]
    notify_users: bool,
}

/// One user of the list.
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    #[validate(length(min = 1, max = 200, message = "debe tener de 1 a 200 caracteres"))]
    name: String,
    #[validate(email(message = "no es un correo válido"))]
    email: String,
    #[validate(custom(function = is_role))]
    role: String,
}

fn is_role(role: &str) -> Result<(), ValidationError> {
    if ["user", "editor", "admin"].contains(&role) {
        return Ok(());
    }
    Err(ValidationError::new("role").with_message(Cow::from("debe ser user, editor o admin")))
}

/// `POST /users/bulk-import`
pub async fn bulk_import(req: HttpRequest, service: web::Data<Service>, body: web::Payload) -> HttpResponse {
    match door::read::<Import>(&service, IMPORT, body).await {
        Ok((mut job, _)) => {
            job.options.estimated_duration = Some("5-10 minutes".into());
            accepted(&service, &req, job, Some(&door::started(IMPORT))).await
        }
        Err(error) => refused(&req, error),
    }
}

/// Stores the users of a list.
pub struct BulkImport {
    pub database: Database,
}

impl Processor for BulkImport {
    type Payload = Import;

    fn describe(&self) -> Description {
        Description { kind: Some("data_processing"), summary: "Imports users from a list.", ..Description::default() }
    }

    fn run(&self, import: Import, ctx: &Context) -> Result<Completion, Failure> {
        let mut connection = self.database.connect()?;
        let total = import.users.len();
        ctx.progress(5, "Iniciando importación...");
        let mut done = 0;
        for chunk in import.users.chunks(CHUNK) {
            ctx.check()?;
            let refused = fenced(&mut connection, ctx, |transaction| {
                let mut refused = Vec::new();
                for user in chunk {
                    if let Err(reason) = store(transaction, ctx, user, import.notify_users)? {
                        refused.push((&user.email, reason));
                    }
                }
                Ok(refused)
            })?;
            refused.into_iter().for_each(|(email, reason)| ctx.partial_error(email, reason));
            done += chunk.len();
            ctx.progress(5 + (done * 90 / total) as u32, format!("Procesados {done}/{total} usuarios"));
        }
        let errors = ctx.partial_errors().count;
        let id = ctx.job_id().to_string();
        let created: i64 =
            connection.query_row("SELECT count(*) FROM users WHERE imported_by = ?1", [&id], |row| row.get(0))?;
        if import.notify_users && created > 0 {
            ctx.enqueue(welcome(&id)?)?;
        }
        ctx.progress(100, "Importación completada");
        let summary = json!({ "total": total, "success": total as u64 - errors, "errors": errors, "created": created });
        ctx.complete_json(&json!({ "summary": summary }))
    }
}

/// Stores one user. It is no error to find what this job, or an equal list, has stored before: that is what makes a
/// second run harmless.
fn store(
    transaction: &Transaction<'_>,
    ctx: &Context,
    user: &NewUser,
    notify: bool,
) -> Result<Result<(), String>, Failure> {
    let id = ctx.job_id().to_string();
    let stored = transaction
        .prepare_cached(
            "INSERT INTO users (email, name, role, imported_by) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (email) DO NOTHING",
        )?
        .execute((&user.email, &user.name, &user.role, &id))?;
    if stored == 0 {
        let known: (String, String) = transaction
            .prepare_cached("SELECT name, role FROM users WHERE email = ?1")?
            .query_row([&user.email], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let same = known.0 == user.name && known.1 == user.role;
        return Ok(if same { Ok(()) } else { Err(format!("el correo ya pertenece a {} ({})", known.0, known.1)) });
    }
    if notify {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO welcome_mails (email, imported_by) VALUES (?1, ?2)")?
            .execute((&user.email, &id))?;
    }
    Ok(Ok(()))
}

/// The job that welcomes the users of an import. Somebody waits for such a mail, so it goes first.
fn welcome(import: &str) -> Result<NewJob, Failure> {
    let name = Name::new(WELCOME).map_err(Failure::permanent)?;
    Ok(NewJob::json(name, &Imported { import_job: import.to_owned() })?.priority(Priority::High))
}

/// Whose users to welcome.
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Imported {
    #[validate(length(min = 1, max = 64))]
    import_job: String,
}

/// Welcomes the users of an import, each once.
pub struct Welcome {
    pub database: Database,
}

impl Processor for Welcome {
    type Payload = Imported;

    fn describe(&self) -> Description {
        Description { kind: Some("notification"), summary: "Welcomes new users.", ..Description::default() }
    }

    fn run(&self, payload: Imported, ctx: &Context) -> Result<Completion, Failure> {
        let mut connection = self.database.connect()?;
        let waiting: Vec<String> = connection
            .prepare("SELECT email FROM welcome_mails WHERE imported_by = ?1 AND sent_at IS NULL ORDER BY email")?
            .query_map([&payload.import_job], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for chunk in waiting.chunks(CHUNK) {
            ctx.check()?;
            // A shop with a mail server would call it here, with the address as the key that makes a repetition harmless.
            fenced(&mut connection, ctx, |transaction| {
                let mut sent = transaction
                    .prepare_cached("UPDATE welcome_mails SET sent_at = strftime('%FT%TZ', 'now') WHERE email = ?1")?;
                for email in chunk {
                    sent.execute([email])?;
                }
                Ok(())
            })?;
        }
        let sent: i64 = connection.query_row(
            "SELECT count(*) FROM welcome_mails WHERE imported_by = ?1 AND sent_at IS NOT NULL",
            [&payload.import_job],
            |row| row.get(0),
        )?;
        ctx.complete_json(&json!({ "sent": sent }))
    }
}
