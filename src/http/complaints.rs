//! Why a body in JSON is refused, field by field. Reading fast and naming every fault are two things: this second look
//! happens only when the first one failed.

use serde_json::{Map, Value};

use crate::error::{Error, FieldError};
use crate::limits;

/// What a field must be.
#[derive(Clone, Copy)]
enum Shape {
    Text,
    Object,
    Number,
    Whole,
    Flag,
    TextOrNumber,
    Texts,
    Any,
    Token,
    Parts(&'static [(&'static str, Shape)]),
    Each(&'static [(&'static str, Shape)]),
}

/// What a body may hold.
pub(crate) struct Form {
    /// What it is, in a sentence.
    what: &'static str,
    fields: &'static [(&'static str, Shape)],
    required: &'static [&'static str],
}

/// A job to accept.
pub(crate) const JOB: Form = Form { what: "a job", fields: JOB_FIELDS, required: &["subType", "payload"] };

/// An expression to look ahead for.
pub(crate) const FORECAST: Form = Form {
    what: "the question",
    fields: &[
        ("cronExpression", Shape::Text),
        ("timezone", Shape::Text),
        ("after", Shape::Text),
        ("count", Shape::Whole),
    ],
    required: &["cronExpression"],
};

/// A wish for a lock.
pub(crate) const LOCK: Form = Form {
    what: "the wish",
    fields: &[("owner", Shape::Text), ("ttlSeconds", Shape::Number), ("fencingToken", Shape::Token)],
    required: &["ttlSeconds"],
};

/// A value to keep.
pub(crate) const STATE: Form =
    Form { what: "the body", fields: &[("value", Shape::Any), ("ttlSeconds", Shape::Number)], required: &["value"] };

/// An alert rule to keep.
pub(crate) const RULE: Form = Form {
    what: "a rule",
    fields: &[
        ("kind", Shape::Text),
        ("count", Shape::Whole),
        ("seconds", Shape::Whole),
        ("jobs", Shape::Whole),
        ("subType", Shape::Text),
        ("schedule", Shape::Text),
        ("enabled", Shape::Flag),
    ],
    required: &["kind"],
};

/// A key to make.
pub(crate) const KEY: Form = Form {
    what: "a key",
    fields: &[
        ("scopes", Shape::Texts),
        ("userId", Shape::Text),
        ("expiresAt", Shape::Text),
        ("name", Shape::Text),
        ("requestsPerMinute", Shape::Whole),
        ("queuedMax", Shape::Whole),
    ],
    required: &["scopes"],
};

/// A subscription to make.
pub(crate) const SUBSCRIPTION: Form = Form {
    what: "a subscription",
    fields: &[
        ("url", Shape::Text),
        ("events", Shape::Texts),
        ("secret", Shape::Text),
        ("userId", Shape::Text),
        ("description", Shape::Text),
    ],
    required: &["url", "events"],
};

/// A change of a subscription.
pub(crate) const SUBSCRIPTION_CHANGE: Form = Form {
    what: "a change",
    fields: &[("url", Shape::Text), ("events", Shape::Texts), ("description", Shape::Text), ("enabled", Shape::Flag)],
    required: &[],
};

/// A new secret.
pub(crate) const ROTATION: Form =
    Form { what: "the body", fields: &[("secret", Shape::Text), ("overlapSeconds", Shape::Whole)], required: &[] };

/// Deliveries to try anew.
pub(crate) const REPLAY: Form =
    Form { what: "the body", fields: &[("since", Shape::Text), ("until", Shape::Text)], required: &[] };

/// Deliveries to forget.
pub(crate) const OUTBOX_CLEANUP: Form = Form { what: "the body", fields: &[("days", Shape::Whole)], required: &[] };

/// A schedule to make.
pub(crate) const SCHEDULE: Form =
    Form { what: "a schedule", fields: SCHEDULE_FIELDS, required: &["name", "subType", "cronExpression"] };

/// A change of a schedule.
pub(crate) const CHANGE: Form = Form { what: "a change", fields: SCHEDULE_FIELDS, required: &[] };

/// A job of a schedule to make now.
pub(crate) const EXECUTE: Form = Form { what: "the body", fields: &[("payload", Shape::Object)], required: &[] };

/// A pause of a schedule.
pub(crate) const PAUSE: Form = Form { what: "a pause", fields: &[("until", Shape::Text)], required: &[] };

/// Jobs for a time that has passed.
pub(crate) const BACKFILL: Form = Form {
    what: "a window",
    fields: &[("from", Shape::Text), ("until", Shape::Text), ("most", Shape::Whole)],
    required: &["from", "until"],
};

/// A worker of another process.
pub(crate) const WORKER: Form = Form {
    what: "a worker",
    fields: &[("name", Shape::Text), ("subTypes", Shape::Texts), ("concurrency", Shape::Whole)],
    required: &["name", "subTypes"],
};

/// A wish for work.
pub(crate) const LEASE: Form =
    Form { what: "the wish", fields: &[("max", Shape::Whole), ("waitSeconds", Shape::Number)], required: &[] };

/// What a worker says of its jobs.
pub(crate) const REPORTS: Form =
    Form { what: "the body", fields: &[("reports", Shape::Each(REPORT_FIELDS))], required: &["reports"] };

const REPORT_FIELDS: &[(&str, Shape)] = &[
    ("leaseToken", Shape::Text),
    ("kind", Shape::Text),
    ("progress", Shape::Number),
    ("message", Shape::Text),
    ("lines", Shape::Texts),
    ("state", Shape::Any),
    ("result", Shape::Any),
    ("resultUrl", Shape::Text),
    (
        "error",
        Shape::Parts(&[
            ("message", Shape::Text),
            ("kind", Shape::Text),
            ("stackTrace", Shape::Text),
            ("retryable", Shape::Flag),
        ]),
    ),
];

const SCHEDULE_FIELDS: &[(&str, Shape)] = &[
    ("name", Shape::Text),
    ("description", Shape::Text),
    ("subType", Shape::Text),
    ("type", Shape::Text),
    ("payload", Shape::Object),
    ("cronExpression", Shape::Text),
    ("timezone", Shape::Text),
    ("priority", Shape::Text),
    ("retryPolicy", Shape::Parts(RETRY)),
    ("timeoutSeconds", Shape::Number),
    ("enabled", Shape::Flag),
    ("misfirePolicy", Shape::Text),
    ("misfireBound", Shape::Whole),
    ("overlapPolicy", Shape::Text),
    ("dstPolicy", Shape::Parts(&[("gap", Shape::Text), ("fold", Shape::Text)])),
    ("singleton", Shape::Flag),
    ("startAt", Shape::Text),
    ("endAt", Shape::Text),
    ("jitterSeconds", Shape::Whole),
    ("notifyOnFailure", Shape::Flag),
    ("notificationEmails", Shape::Texts),
    ("createdBy", Shape::Text),
];

const JOB_FIELDS: &[(&str, Shape)] = &[
    ("subType", Shape::Text),
    ("payload", Shape::Object),
    ("type", Shape::Text),
    ("priority", Shape::Text),
    ("userId", Shape::Text),
    ("runAt", Shape::Text),
    ("delaySeconds", Shape::Number),
    ("estimatedDuration", Shape::Text),
    ("timeoutSeconds", Shape::Number),
    ("retryPolicy", Shape::Parts(RETRY)),
    ("uniqueKey", Shape::Text),
    ("uniqueFor", Shape::TextOrNumber),
    ("concurrencyKey", Shape::Text),
    ("concurrencyLimit", Shape::Whole),
    ("tags", Shape::Texts),
    ("callbackUrl", Shape::Text),
    ("expiresAt", Shape::Text),
];

const RETRY: &[(&str, Shape)] = &[
    ("maxRetries", Shape::Whole),
    ("retryDelay", Shape::Whole),
    ("exponentialBackoff", Shape::Flag),
    ("maxDelay", Shape::Whole),
    ("jitter", Shape::Number),
];

/// All faults of a body's text, given the reader's own complaint.
pub(crate) fn about(form: &Form, text: &[u8], error: &serde_json::Error) -> Error {
    let fields = match serde_json::from_slice(text) {
        Err(_) => return Error::invalid(format!("the body is not well-formed JSON: {error}")),
        Ok(Value::Object(fields)) => fields,
        Ok(other) => return Error::invalid(format!("{} must be a JSON object, not {}", form.what, kind(&other))),
    };
    let mut faults = Vec::new();
    for required in form.required.iter().filter(|name| fields.get(**name).is_none_or(Value::is_null)) {
        faults.push(fault(required, "is required"));
    }
    look(&fields, form.fields, "", &mut faults);
    // The reader knows faults that a second look does not see, such as a field that is given twice.
    if faults.is_empty() { Error::invalid(error.to_string()) } else { Error::fields(faults) }
}

fn look(fields: &Map<String, Value>, shapes: &[(&str, Shape)], path: &str, faults: &mut Vec<FieldError>) {
    for (name, value) in fields {
        let field = format!("{path}{name}");
        let Some((_, shape)) = shapes.iter().find(|(known, _)| known == name) else {
            let known: Vec<_> = shapes.iter().map(|(known, _)| *known).collect();
            faults.push(fault(&field, &format!("is not a field; there are: {}", known.join(", "))));
            continue;
        };
        if value.is_null() {
            continue;
        }
        if let (Shape::Parts(parts), Value::Object(inner)) = (shape, value) {
            look(inner, parts, &format!("{field}."), faults);
        } else if let (Shape::Each(parts), Value::Array(items)) = (shape, value) {
            for (index, item) in items.iter().enumerate().take(limits::PARTIAL_ERRORS_KEPT_MAX) {
                match item {
                    Value::Object(inner) => look(inner, parts, &format!("{field}[{index}]."), faults),
                    other => {
                        faults.push(fault(
                            &format!("{field}[{index}]"),
                            &format!("must be a JSON object, not {}", kind(other)),
                        ));
                    }
                }
            }
        } else if let Some(wanted) = shape.misses(value) {
            faults.push(fault(&field, &format!("must be {wanted}, not {}", kind(value))));
        }
    }
}

impl Shape {
    /// What was wanted, if `value` is not it.
    fn misses(self, value: &Value) -> Option<&'static str> {
        let whole = |value: &Value| value.as_u64().is_some_and(|number| u32::try_from(number).is_ok());
        let (fits, wanted) = match self {
            Self::Text => (value.is_string(), "a string"),
            Self::Object | Self::Parts(_) => (value.is_object(), "a JSON object"),
            Self::Each(_) => (value.is_array(), "an array of objects"),
            Self::Number => (value.is_number(), "a number"),
            Self::Whole => (whole(value), "a whole number from 0 to 4294967295"),
            Self::Any => (true, "anything"),
            Self::Token => (value.is_u64(), "a whole number, not negative"),
            Self::Flag => (value.is_boolean(), "true or false"),
            Self::TextOrNumber => (value.is_string() || value.is_number(), "\"active\" or a number of seconds"),
            Self::Texts => {
                let texts = value.as_array().is_some_and(|items| items.iter().all(Value::is_string));
                (texts, "an array of strings")
            }
        };
        (!fits).then_some(wanted)
    }
}

fn fault(field: &str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_owned() }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "that number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
