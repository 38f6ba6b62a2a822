//! Accepting jobs within a transaction: their keys are taken, their rows written, each member of a batch with its own
//! outcome. Whoever uses the same key at the same time waits for the transaction; the constraint stands behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future;
use tokio_postgres::types::Type;

use super::kept::Kept;
use super::place::Fault;
use super::rows::{job_id, json, urgency, uuid};
use super::session::Asks;
use crate::clock::Timestamp;
use crate::job::{Job, JobId, UniqueFor};
use crate::store::embedded::keys::{Keys, Remembered};
use crate::store::{Group, Insert, Inserted, Receipt};

/// Jobs on their way in.
pub(super) struct Admission {
    keys: Keys,
    drafts: Vec<Draft>,
    latest: Timestamp,
}

struct Draft {
    job: Job,
    by: Option<Arc<str>>,
    request: Option<Remembered>,
    withdrawn: bool,
}

/// What became of a job to accept, before it has its number.
pub(super) enum Admitted {
    /// The job with this place among the drafts.
    Draft(usize),
    Refused(Inserted),
}

/// A lock for each key, or a few for very many: the server has room for some thousands. Who meets nobody there meets the
/// constraint.
const LOCK_KEYS: &str = "SELECT pg_advisory_xact_lock(h) FROM (SELECT DISTINCT CASE WHEN cardinality($1::text[]) > 256 \
         THEN hashtextextended(k, 20) & 255 ELSE hashtextextended(k, 20) END AS h FROM unnest($1::text[]) AS k ORDER BY 1) AS t";
const REQUESTS: &str = "SELECT key, body, until, receipt FROM faena.request WHERE key = ANY($1)";
const UNIQUE_KEYS: &str = "SELECT key, id, until FROM faena.unique_key WHERE key = ANY($1)";
const REMEMBER: &str = "INSERT INTO faena.request (key, body, until, receipt) \
     SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[]) \
     ON CONFLICT (key) DO UPDATE SET body = excluded.body, until = excluded.until, receipt = excluded.receipt \
     WHERE request.until <= $5 RETURNING 1";
const TAKE: &str = "INSERT INTO faena.unique_key (key, id, until) SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[]) \
     ON CONFLICT (key) DO UPDATE SET id = excluded.id, until = excluded.until \
     WHERE unique_key.until <= $4 OR unique_key.id = excluded.id RETURNING 1";
/// The lock says above which number those of this transaction are: see `settled`.
const INSERT: &str = "WITH above AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(1633903472, \
         (coalesce(pg_sequence_last_value('faena.job_seq'), 0) & 1073741823)::integer)) \
     INSERT INTO faena.live (seq, id, created_at, state, revision, epoch, run_at, urgency, put_off, \
         expires_at, priority, kind, sub_type, user_id, schedule_id, unique_key, gate_key, gate_limit, tags, spec, payload) \
     SELECT nextval('faena.job_seq'), t.id, t.created_at, 0, 0, 0, t.run_at, t.urgency, t.run_at > t.created_at, t.expires_at, \
         t.priority, t.kind, t.sub_type, t.user_id, t.schedule_id, t.unique_key, t.gate_key, t.gate_limit, \
         CASE WHEN t.tags IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(t.tags::json)) END, t.spec, t.payload \
     FROM above CROSS JOIN unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[], $7::text[], $8::text[], \
         $9::text[], $10::text[], $11::text[], $12::text[], $13::integer[], $14::text[], $15::text[], $16::bytea[]) \
         AS t(id, created_at, run_at, urgency, expires_at, priority, kind, sub_type, user_id, schedule_id, unique_key, \
              gate_key, gate_limit, tags, spec, payload) \
     RETURNING id, seq";

impl Admission {
    /// Locks the keys that these jobs bring, and reads who has them.
    pub(super) async fn begin<'a>(
        session: &impl Asks,
        inserts: impl Iterator<Item = (&'a Insert, Timestamp)> + Clone,
    ) -> Result<Self, Fault> {
        let requests: Vec<&str> =
            inserts.clone().filter_map(|(insert, _)| Some(&*insert.idempotency.as_ref()?.key)).collect();
        let unique: Vec<&str> =
            inserts.clone().filter_map(|(insert, _)| Some(&*insert.job.options.unique.as_ref()?.key)).collect();
        let latest = inserts.map(|(_, now)| now).max().unwrap_or_default();
        let mut admission = Self { keys: Keys::default(), drafts: Vec::new(), latest };
        if requests.is_empty() && unique.is_empty() {
            return Ok(admission);
        }
        let names = requests.iter().map(|key| format!("r{key}")).chain(unique.iter().map(|key| format!("u{key}")));
        let names: Vec<String> = names.collect();
        let (names, asked, wanted) = (
            [(&names as _, Type::TEXT_ARRAY)],
            [(&requests as _, Type::TEXT_ARRAY)],
            [(&unique as _, Type::TEXT_ARRAY)],
        );
        let (_, remembered, taken) = future::try_join3(
            session.lock(LOCK_KEYS, &names),
            session.query(REQUESTS, &asked),
            session.query(UNIQUE_KEYS, &wanted),
        )
        .await?;
        for row in remembered {
            let body: &[u8] = row.try_get(1)?;
            let receipt = serde_json::from_str::<Receipt>(row.try_get(3)?).map_err(Fault::broken)?;
            admission.keys.remember(Remembered {
                key: row.try_get::<_, &str>(0)?.into(),
                body: body.try_into().map_err(Fault::broken)?,
                until: Timestamp::from_millis(row.try_get(2)?),
                receipt: Arc::new(receipt),
            });
        }
        for row in taken {
            let until = row.try_get::<_, Option<i64>>(2)?.map(Timestamp::from_millis);
            admission.keys.hold(row.try_get(0)?, job_id(row.try_get(1)?), until);
        }
        Ok(admission)
    }

    /// Accepts a job and takes its keys, or says why not.
    pub(super) fn admit(&mut self, insert: &Insert, now: Timestamp) -> Admitted {
        let Insert { job, idempotency } = insert;
        if let Some(refused) = self.keys.refuses(job.options.unique.as_ref(), idempotency.as_ref(), now) {
            return Admitted::Refused(refused);
        }
        let by = job.by.clone();
        let job = job.clone().accept(0, now);
        if let Some(unique) = job.spec.unique() {
            self.keys.take(unique, job.id, now);
        }
        let request = idempotency.as_ref().map(|asked| Remembered {
            key: asked.key.as_ref().into(),
            body: asked.body,
            until: now.plus(asked.window),
            receipt: Arc::new(receipt(&job)),
        });
        if let Some(request) = &request {
            self.keys.remember(request.clone());
        }
        self.drafts.push(Draft { job, by, request, withdrawn: false });
        Admitted::Draft(self.drafts.len() - 1)
    }

    /// Accepts jobs that stand for themselves or together.
    pub(super) fn admit_all(&mut self, inserts: &[Insert], group: Group, now: Timestamp) -> Vec<Admitted> {
        let mut answers: Vec<_> = inserts.iter().map(|insert| self.admit(insert, now)).collect();
        let in_the_way =
            |answer: &Admitted| matches!(answer, Admitted::Refused(Inserted::Taken(_) | Inserted::Mismatch));
        if group == Group::Whole && answers.iter().any(in_the_way) {
            self.withdraw(&mut answers);
        }
        answers
    }

    /// Takes back what was accepted of a group, and what was replayed of that.
    fn withdraw(&mut self, answers: &mut [Admitted]) {
        let mut withdrawn = Vec::new();
        for answer in answers {
            match answer {
                Admitted::Draft(place) => {
                    let draft = &mut self.drafts[*place];
                    let request = draft.request.as_ref().map(|request| &*request.key);
                    self.keys.withdraw(draft.job.spec.unique(), request, draft.job.id);
                    draft.withdrawn = true;
                    withdrawn.push(draft.job.id);
                }
                Admitted::Refused(Inserted::Replayed(receipt)) if withdrawn.contains(&receipt.id) => {}
                Admitted::Refused(_) => continue,
            }
            *answer = Admitted::Refused(Inserted::Withdrawn);
        }
    }

    /// Writes what was accepted; the answer has the jobs with their numbers, by their places among the drafts. Each is told, with
    /// whoever asked for it.
    pub(super) async fn write(
        self,
        session: &impl Asks,
        kept: &mut Kept,
        mut tell: impl FnMut(&Job, Option<&str>),
    ) -> Result<Vec<Option<Arc<Job>>>, Fault> {
        let mut jobs: Vec<Option<Job>> =
            self.drafts.iter().map(|draft| (!draft.withdrawn).then(|| draft.job.clone())).collect();
        let rows = insert(session, jobs.iter_mut().flatten());
        let (rows, requests, unique) = future::join3(rows, self.remember(session), self.take(session)).await;
        rows.and(requests).and(unique)?;
        let jobs: Vec<Option<Arc<Job>>> = jobs.into_iter().map(|job| job.map(Arc::new)).collect();
        for (job, draft) in jobs.iter().zip(&self.drafts) {
            if let Some(job) = job {
                kept.enter(job);
                tell(job, draft.by.as_deref());
            }
        }
        Ok(jobs)
    }

    fn accepted(&self) -> impl Iterator<Item = &Draft> {
        self.drafts.iter().filter(|draft| !draft.withdrawn)
    }

    async fn remember(&self, session: &impl Asks) -> Result<(), Fault> {
        // One that came when the window of another one had passed, in one batch with it, takes its place.
        let requests = self.accepted().filter_map(|draft| draft.request.as_ref());
        let requests: BTreeMap<&str, _> = requests.map(|request| (&*request.key, request)).collect();
        if requests.is_empty() {
            return Ok(());
        }
        let (keys, requests): (Vec<&str>, Vec<_>) = requests.into_iter().unzip();
        let bodies: Vec<&[u8]> = requests.iter().map(|request| &request.body[..]).collect();
        let until: Vec<i64> = requests.iter().map(|request| request.until.as_millis()).collect();
        let receipts = requests.iter().map(|request| json(&*request.receipt)).collect::<Result<Vec<_>, _>>()?;
        let now = self.latest.as_millis();
        let params = [
            (&keys as _, Type::TEXT_ARRAY),
            (&bodies as _, Type::BYTEA_ARRAY),
            (&until as _, Type::INT8_ARRAY),
            (&receipts as _, Type::TEXT_ARRAY),
            (&now as _, Type::INT8),
        ];
        all_of(keys.len(), session.query(REMEMBER, &params).await?.len())
    }

    async fn take(&self, session: &impl Asks) -> Result<(), Fault> {
        let holds = self.accepted().filter_map(|draft| Some((draft.job.spec.unique()?, &draft.job)));
        let holds = holds.map(|(unique, job)| (&*unique.key, (job.id, until(unique.during, job.created_at))));
        let holds: BTreeMap<&str, _> = holds.collect();
        let holds: Vec<_> = holds.into_iter().map(|(key, (id, until))| (key, id, until)).collect();
        take_keys(session, &holds, self.latest).await
    }
}

/// Takes unique keys that were found free under their locks.
pub(super) async fn take_keys(
    session: &impl Asks,
    holds: &[(&str, JobId, Option<Timestamp>)],
    now: Timestamp,
) -> Result<(), Fault> {
    if holds.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = holds.iter().map(|(key, ..)| *key).collect();
    let ids: Vec<_> = holds.iter().map(|(_, id, _)| uuid(*id)).collect();
    let until: Vec<_> = holds.iter().map(|(_, _, until)| until.map(Timestamp::as_millis)).collect();
    let now = now.as_millis();
    let params = [
        (&keys as _, Type::TEXT_ARRAY),
        (&ids as _, Type::UUID_ARRAY),
        (&until as _, Type::INT8_ARRAY),
        (&now as _, Type::INT8),
    ];
    all_of(keys.len(), session.query(TAKE, &params).await?.len())
}

/// Until when a unique key is taken; none while its job lives.
pub(super) fn until(during: UniqueFor, accepted_at: Timestamp) -> Option<Timestamp> {
    match during {
        UniqueFor::Active => None,
        UniqueFor::WindowMs(window) => Some(accepted_at.plus_millis(window)),
    }
}

/// Somebody took a key who did not ask for its lock: then all is done again.
fn all_of(asked: usize, done: usize) -> Result<(), Fault> {
    if asked == done { Ok(()) } else { Err(Fault::Again("a key was taken meanwhile".into())) }
}

fn receipt(job: &Job) -> Receipt {
    Receipt {
        id: job.id,
        kind: job.spec.kind.clone(),
        sub_type: job.spec.sub_type.clone(),
        priority: job.spec.priority,
        created_at: job.created_at,
        estimated_duration: job.spec.options().and_then(|options| options.estimated_duration.clone()),
    }
}

/// Writes the rows of new jobs and gives the jobs their numbers, which rise in their order.
async fn insert<'a>(session: &impl Asks, jobs: impl Iterator<Item = &'a mut Job>) -> Result<(), Fault> {
    let mut jobs: Vec<&mut Job> = jobs.collect();
    if jobs.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = jobs.iter().map(|job| uuid(job.id)).collect();
    let created: Vec<i64> = jobs.iter().map(|job| job.created_at.as_millis()).collect();
    let run_at: Vec<Timestamp> = jobs.iter().map(|job| job.run_at().unwrap_or(job.created_at)).collect();
    let urgent: Vec<i64> = run_at.iter().zip(&jobs).map(|(at, job)| urgency(*at, job.spec.priority)).collect();
    let run_at: Vec<i64> = run_at.into_iter().map(Timestamp::as_millis).collect();
    let expires: Vec<Option<i64>> = jobs.iter().map(|job| job.spec.expires_at().map(Timestamp::as_millis)).collect();
    let priority: Vec<i16> = jobs.iter().map(|job| job.spec.priority as i16).collect();
    let kind: Vec<&str> = jobs.iter().map(|job| job.spec.kind.as_str()).collect();
    let sub_type: Vec<&str> = jobs.iter().map(|job| job.spec.sub_type.as_str()).collect();
    let user: Vec<Option<&str>> = jobs.iter().map(|job| job.spec.user_id.as_deref()).collect();
    let schedule: Vec<Option<&str>> = jobs.iter().map(|job| job.spec.schedule_id()).collect();
    let unique: Vec<Option<&str>> = jobs.iter().map(|job| job.spec.unique().map(|unique| &*unique.key)).collect();
    let gate: Vec<Option<&str>> = jobs.iter().map(|job| job.spec.concurrency().map(|gate| &*gate.key)).collect();
    let room: Vec<Option<i32>> = jobs.iter().map(|job| job.spec.concurrency().map(|gate| gate.limit as i32)).collect();
    let tags = jobs
        .iter()
        .map(|job| Some(job.spec.tags()).filter(|tags| !tags.is_empty()).map(|tags| json(&tags)).transpose());
    let tags = tags.collect::<Result<Vec<Option<String>>, _>>()?;
    let spec = jobs.iter().map(|job| json(&*job.spec)).collect::<Result<Vec<_>, _>>()?;
    let payload: Vec<&[u8]> = jobs.iter().map(|job| job.payload.text().map_or(&[][..], |text| text)).collect();
    let params = [
        (&ids as _, Type::UUID_ARRAY),
        (&created as _, Type::INT8_ARRAY),
        (&run_at as _, Type::INT8_ARRAY),
        (&urgent as _, Type::INT8_ARRAY),
        (&expires as _, Type::INT8_ARRAY),
        (&priority as _, Type::INT2_ARRAY),
        (&kind as _, Type::TEXT_ARRAY),
        (&sub_type as _, Type::TEXT_ARRAY),
        (&user as _, Type::TEXT_ARRAY),
        (&schedule as _, Type::TEXT_ARRAY),
        (&unique as _, Type::TEXT_ARRAY),
        (&gate as _, Type::TEXT_ARRAY),
        (&room as _, Type::INT4_ARRAY),
        (&tags as _, Type::TEXT_ARRAY),
        (&spec as _, Type::TEXT_ARRAY),
        (&payload as _, Type::BYTEA_ARRAY),
    ];
    let rows = session.query(INSERT, &params).await?;
    for (job, row) in jobs.iter_mut().zip(rows) {
        if job_id(row.try_get(0)?) != job.id {
            return Err(Fault::broken("rows came back in another order"));
        }
        job.seq = row.try_get::<_, i64>(1)? as u64;
    }
    Ok(())
}
