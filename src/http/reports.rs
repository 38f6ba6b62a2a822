//! `POST /workers/{id}/reports` and `PUT /leases/{token}/result`: what workers say of the jobs that they hold.

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::call::{Answer, Call};
use super::present::json;
use super::request::Faults;
use super::view::{AnsweredView, Created, UploadView, counted};
use super::{body, complaints, query};
use crate::error::Error;
use crate::job::JobError;
use crate::limits;
use crate::service::workers::{Given, LeaseToken, Report, Said};

/// What a worker says of its jobs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Reports)]
pub(crate) struct ReportsRequest<'a> {
    /// Each stands for itself; those of one lease follow each other.
    #[serde(borrow)]
    #[schema(max_items = 1000)]
    reports: Vec<ReportRequest<'a>>,
}

/// What a worker says of one job. Every kind is a sign of life.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Report)]
pub(crate) struct ReportRequest<'a> {
    /// Under which lease.
    #[serde(borrow, default)]
    #[schema(value_type = String, required = true)]
    lease_token: Cow<'a, str>,
    /// `heartbeat`, `progress`, `log`, `state`, `complete`, `fail` or `release`.
    #[serde(borrow, default)]
    #[schema(value_type = String, required = true, example = "progress")]
    kind: Cow<'a, str>,
    /// How far it is, for `progress`. Less than before is taken as before.
    #[schema(minimum = 0, maximum = 100)]
    progress: Option<f64>,
    /// What it is doing, for `progress`.
    message: Option<String>,
    /// Lines for the log of the job, for `log`.
    #[schema(max_items = 1000)]
    lines: Option<Vec<String>>,
    /// Any JSON for the next try, for `state`; null forgets it. At most 1 MiB.
    #[serde(borrow, default, deserialize_with = "present")]
    #[schema(value_type = Option<Value>)]
    state: Option<&'a RawValue>,
    /// Any JSON, for `complete`.
    #[serde(borrow)]
    #[schema(value_type = Option<Value>)]
    result: Option<&'a RawValue>,
    /// Where the result is, for `complete`: a URL, a `data:` URL of up to 1 MiB, or what the upload of a result answered.
    result_url: Option<String>,
    /// What went wrong, for `fail`.
    error: Option<FailureRequest>,
}

/// What went wrong.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Failure)]
pub(crate) struct FailureRequest {
    /// What happened, for a person.
    #[serde(default)]
    #[schema(required = true)]
    message: String,
    /// A stable word; `error` when left out.
    kind: Option<String>,
    /// Where it happened.
    stack_trace: Option<String>,
    /// Whether another try makes sense; true when left out.
    retryable: Option<bool>,
}

/// A field that is null is there all the same.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// `POST /workers/{id}/reports`
pub(crate) async fn report(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let text = body::json(&call, payload).await?;
    let request: ReportsRequest<'_> =
        serde_json::from_slice(&text).map_err(|error| complaints::about(&complaints::REPORTS, &text, &error))?;
    let mut faults = Faults::default();
    if request.reports.len() > limits::REPORTS_MAX {
        faults.add("reports", format!("has {} reports, {} are allowed", request.reports.len(), limits::REPORTS_MAX));
        return Err(Error::from(faults).into());
    }
    let tokens: Vec<String> = request.reports.iter().map(|report| report.lease_token.to_string()).collect();
    let read = request.reports.into_iter().enumerate();
    let reports: Vec<_> = read.filter_map(|(index, report)| report.read(index, &mut faults)).collect();
    if !faults.is_empty() {
        return Err(Error::from(faults).into());
    }
    let answers = call.service().report(call.part("id"), reports).await?;
    let views: Vec<_> = tokens.iter().zip(&answers).map(|(token, answer)| AnsweredView::of(token, answer)).collect();
    json(StatusCode::OK, &Created::new(&views, &counted(views.len() as u64, "report")))
}

/// `PUT /leases/{token}/result`
pub(crate) async fn upload(call: Call, payload: Payload) -> Answer {
    query::none(&call)?;
    let content_type = call.header(&header::CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
    if content_type.is_empty() || content_type.len() > limits::LABEL_BYTES_MAX {
        let message = format!("must be a media type of at most {} bytes", limits::LABEL_BYTES_MAX);
        return Err(Error::field("Content-Type", message).into());
    }
    let _room = call.service().room_for_upload()?;
    let bytes = body::read(&call, payload, limits::UPLOAD_BYTES_MAX, limits::UPLOAD_READ_MAX).await?;
    let (token, size) = (call.part("token"), bytes.len() as u64);
    let job = call.service().keep_result(token, &content_type, bytes).await?;
    let address = format!("{}/jobs/{}/result", call.base(), job.id);
    let view = UploadView::of(token, &job, &content_type, size, &address);
    json(StatusCode::OK, &Created::new(view, "The result is kept; report `complete` to end the job with it."))
}

impl ReportRequest<'_> {
    fn read(self, index: usize, faults: &mut Faults) -> Option<Report> {
        let mut fault = |field: &str, message: String| faults.add(&format!("reports[{index}].{field}"), message);
        for (field, text) in [("leaseToken", &self.lease_token), ("kind", &self.kind)] {
            if text.is_empty() {
                fault(field, "is required".to_owned());
            }
        }
        let given = [
            ("progress", self.progress.is_some(), "progress"),
            ("message", self.message.is_some(), "progress"),
            ("lines", self.lines.is_some(), "log"),
            ("state", self.state.is_some(), "state"),
            ("result", self.result.is_some(), "complete"),
            ("resultUrl", self.result_url.is_some(), "complete"),
            ("error", self.error.is_some(), "fail"),
        ];
        for (field, is_given, kind) in given {
            if is_given && kind != self.kind {
                fault(field, format!("belongs to a report of the kind `{kind}`"));
            }
        }
        let lease: Option<LeaseToken> = self.lease_token.parse().ok();
        let said = match &*self.kind {
            "heartbeat" => Said::Heartbeat,
            "release" => Said::Release,
            "progress" => progress(self.progress, self.message, &mut fault)?,
            "log" => lines(self.lines, &mut fault)?,
            "state" => state(self.state, &mut fault)?,
            "complete" => Said::Complete(given_result(self.result, self.result_url, lease, &mut fault)?),
            "fail" => failure(self.error, &mut fault)?,
            "" => return None,
            other => {
                let other: String = other.escape_debug().take(80).collect();
                let kinds = "heartbeat, progress, log, state, complete, fail, release";
                fault("kind", format!("`{other}` is not one of {kinds}"));
                return None;
            }
        };
        Some(Report { lease, said })
    }
}

fn progress(percent: Option<f64>, message: Option<String>, fault: &mut impl FnMut(&str, String)) -> Option<Said> {
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => {
            let message = message.map(|text| cut(&text, limits::MESSAGE_BYTES_MAX).into());
            Some(Said::Progress { percent: percent as u8, message })
        }
        Some(_) => {
            fault("progress", "must be 0 to 100".to_owned());
            None
        }
        None => {
            fault("progress", "is required".to_owned());
            None
        }
    }
}

fn lines(lines: Option<Vec<String>>, fault: &mut impl FnMut(&str, String)) -> Option<Said> {
    let Some(lines) = lines else {
        fault("lines", "is required".to_owned());
        return None;
    };
    if lines.len() > limits::LOG_LINES_MAX {
        fault("lines", format!("has {} lines, {} are allowed", lines.len(), limits::LOG_LINES_MAX));
        return None;
    }
    Some(Said::Log(lines.iter().map(|line| cut(line, limits::LOG_LINE_BYTES_MAX).into()).collect()))
}

fn state(state: Option<&RawValue>, fault: &mut impl FnMut(&str, String)) -> Option<Said> {
    match state.map(RawValue::get) {
        Some("null") => Some(Said::State(None)),
        Some(text) if text.len() <= limits::STATE_BYTES_MAX => Some(Said::State(Some(text.into()))),
        Some(text) => {
            fault("state", format!("has {} bytes, {} are allowed", text.len(), limits::STATE_BYTES_MAX));
            None
        }
        None => {
            fault("state", "is required; null forgets it".to_owned());
            None
        }
    }
}

fn given_result(
    result: Option<&RawValue>,
    url: Option<String>,
    lease: Option<LeaseToken>,
    fault: &mut impl FnMut(&str, String),
) -> Option<Given> {
    // Base64 makes four bytes of three.
    const DATA_URL_BYTES_MAX: usize = limits::INLINE_RESULT_BYTES_MAX / 3 * 4 + limits::LABEL_BYTES_MAX;
    match (result, url) {
        (None, None) => Some(Given::Nothing),
        (Some(json), None) => Some(Given::Json(Bytes::copy_from_slice(json.get().as_bytes()))),
        (Some(_), Some(_)) => {
            fault("resultUrl", "give result or resultUrl, not both".to_owned());
            None
        }
        (None, Some(url)) => {
            let bytes_max = if url.starts_with("data:") { DATA_URL_BYTES_MAX } else { limits::URI_BYTES_MAX };
            if url.is_empty() || url.len() > bytes_max {
                fault("resultUrl", format!("must be 1 to {bytes_max} bytes; upload what is larger"));
                return None;
            }
            let is_own = lease.is_some_and(|lease| url.ends_with(&format!("/jobs/{}/result", lease.job)));
            Some(if is_own { Given::Uploaded } else { Given::Url(url.into()) })
        }
    }
}

/// What is too long is cut: a failure that is refused for its length would be lost with the lease.
fn failure(error: Option<FailureRequest>, fault: &mut impl FnMut(&str, String)) -> Option<Said> {
    let Some(FailureRequest { message, kind, stack_trace, retryable }) = error else {
        fault("error", "is required".to_owned());
        return None;
    };
    if message.is_empty() {
        fault("error.message", "is required".to_owned());
        return None;
    }
    let kind = kind.filter(|kind| !kind.is_empty()).unwrap_or_else(|| "error".to_owned());
    let error = JobError {
        kind: cut(&kind, limits::NAME_BYTES_MAX).into(),
        message: cut(&message, limits::ERROR_BYTES_MAX).into(),
        stack_trace: stack_trace.map(|trace| cut(&trace, limits::STACK_BYTES_MAX).into()),
    };
    Some(Said::Fail { error, retryable: retryable.unwrap_or(true) })
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
