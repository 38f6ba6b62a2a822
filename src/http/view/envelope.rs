//! The wrapping of lists, creations and errors.

use serde::Serialize;
use utoipa::ToSchema;

/// Something that was made or done.
#[derive(Serialize)]
pub(crate) struct Created<'a, T> {
    pub(crate) success: bool,
    pub(crate) data: T,
    pub(crate) message: &'a str,
}

impl<'a, T> Created<'a, T> {
    pub(crate) fn new(data: T, message: &'a str) -> Self {
        Self { success: true, data, message }
    }
}

/// A part of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listed<T> {
    pub(crate) success: bool,
    pub(crate) data: Vec<T>,
    pub(crate) message: String,
    pub(crate) pagination: Pagination,
    /// The same as in `pagination`: the contract may be read either way, and both readers find it.
    pub(crate) next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// A list that is always given whole.
    pub(crate) fn whole(data: Vec<T>, what: &str) -> Self {
        let count = data.len();
        let pagination = Pagination {
            total: count as u64,
            total_is_exact: true,
            limit: count,
            offset: 0,
            has_more: false,
            next_cursor: None,
        };
        Self { success: true, message: counted(count as u64, what), data, pagination, next_cursor: None }
    }
}

/// How many of something, in words.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Where a part of a list stands in the whole.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Pagination {
    /// How many there are in all, or at least how many.
    #[schema(minimum = 0)]
    pub(crate) total: u64,
    /// Whether `total` is all of them. Counters are kept by status, type, subtype, priority and date of acceptance. By
    /// user, tag, schedule or text, and among dead letters, jobs are counted for a few milliseconds and up to 10,000.
    pub(crate) total_is_exact: bool,
    /// How many were asked for.
    #[schema(minimum = 0)]
    pub(crate) limit: usize,
    /// After how many this part begins; 0 when it begins at a cursor.
    #[schema(minimum = 0)]
    pub(crate) offset: usize,
    /// Whether there may be more after this part. A search that finds little stops after a few milliseconds: then the
    /// part has fewer jobs than were asked for, even none, and `nextCursor` goes on with the search.
    pub(crate) has_more: bool,
    /// Where the next part begins: give it as `cursor`. Null in the last part.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// Every error looks like this.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Error)]
pub(crate) struct ErrorView<'a> {
    /// Always false.
    pub(crate) success: bool,
    /// A sentence that says what is wrong, or what to do.
    pub(crate) error: &'a str,
    /// A stable word for the sort of error.
    #[schema(example = "invalid_request")]
    pub(crate) code: &'a str,
    /// The fields at fault, if it was a matter of fields.
    pub(crate) details: Vec<FieldView<'a>>,
    /// The request's `X-Request-Id`, or one that was made for it; the server's log has it too.
    pub(crate) request_id: &'a str,
}

/// One field's complaint.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FieldError)]
pub(crate) struct FieldView<'a> {
    /// Path of the field, such as `retryPolicy.maxRetries` or `[3].payload`.
    pub(crate) field: &'a str,
    /// What is wrong with it.
    pub(crate) message: &'a str,
}
