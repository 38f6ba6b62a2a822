//! Every bound of the program in one place, with its unit in the name and its reason beside it. A job queue that
//! bounds nothing is a slow memory leak (rule 26).

use std::time::Duration;

/// Bytes of one payload. It holds a large form many times over; larger inputs belong in a file that the payload names.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one request body: a payload and its envelope, or a batch.
pub const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Nesting of a JSON body. Deeper than any form, shallower than any stack.
pub const BODY_DEPTH_MAX: usize = 64;
/// Time a client may take to send its body.
pub const BODY_READ_MAX: Duration = Duration::from_secs(30);
/// Bytes of a request line's target: what common proxies accept.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// Bytes of one request header's value.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Jobs in one batch.
pub const BATCH_JOBS_MAX: usize = 10_000;

/// Bytes of a `type` or `subType`.
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of a user id, a tag, a key: they are indexed.
pub const KEY_BYTES_MAX: usize = 200;
/// Tags of one job.
pub const TAGS_MAX: usize = 16;
/// Bytes of a free text that is shown, such as `estimatedDuration`.
pub const LABEL_BYTES_MAX: usize = 200;
/// Retries of one job. At the longest delay of a day that is almost three years.
pub const RETRIES_MAX: u32 = 1_000;
/// Longest pause between two tries.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(24 * 3600);
/// Pause of a job whose key is missing where it was claimed; each further one is twice as long. Somebody has to bring the key, and
/// a long queue of such jobs is not looked at all the time.
pub const KEY_MISSING_PAUSE: Duration = Duration::from_secs(60);
/// Longest of these pauses.
pub const KEY_MISSING_PAUSE_MAX: Duration = Duration::from_secs(3600);
/// Longest time that one attempt may be given.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Furthest that a job may be put off.
pub const DELAY_MAX: Duration = Duration::from_secs(5 * 366 * 24 * 3600);
/// Longest window of a unique key.
pub const UNIQUE_WINDOW_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Jobs of one concurrency key that may run at once.
pub const CONCURRENCY_MAX: u32 = 10_000;

/// Bytes of the name of a lock or of a shared state: it stands in addresses.
pub const SLUG_BYTES_MAX: usize = 128;
/// Longest term of a lock. Whoever needs it longer renews it, and so shows that it is alive.
pub const LOCK_TTL_MAX: Duration = Duration::from_secs(24 * 3600);
/// Locks at once: each is kept in memory.
pub const LOCKS_MAX: usize = 10_000;
/// Time that a shared state is kept when nobody says.
pub const STATE_TTL_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// Longest time that a shared state is kept; every write begins it anew.
pub const STATE_TTL_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// Shared states at once: each is kept in memory.
pub const STATES_MAX: usize = 10_000;
/// Bytes of all shared states together: they are kept in memory.
pub const STATES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of a cron expression: the longest sensible one names each of a few dozen minutes.
pub const CRON_BYTES_MAX: usize = 256;
/// Bytes of a time zone's name; the longest of the database has 32.
pub const ZONE_BYTES_MAX: usize = 64;
/// Bytes of a schedule's name: it stands in addresses and in lists.
pub const SCHEDULE_NAME_BYTES_MAX: usize = 100;
/// Bytes of a schedule's description: a paragraph.
pub const DESCRIPTION_BYTES_MAX: usize = 1_000;
/// Bytes of a schedule's payload: it is kept in memory and copied into every job.
pub const SCHEDULE_PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Addresses that hear of a schedule's failures; more of them are a mailing list.
pub const EMAILS_MAX: usize = 20;
/// Bytes of an e-mail address, after RFC 5321.
pub const EMAIL_BYTES_MAX: usize = 254;
/// Furthest that jitter puts a tick off.
pub const JITTER_MAX: Duration = Duration::from_secs(3600);
/// A tick is on time for so long: a scheduler that was busy or restarted is no reason to speak of a misfire.
pub const MISFIRE_GRACE: Duration = Duration::from_secs(10);
/// Missed ticks that `fire_all` fires when the schedule names no bound.
pub const CATCH_UP_DEFAULT: u32 = 100;
/// Missed ticks that `fire_all` fires at most (rule 23): the most recent ones.
pub const CATCH_UP_MAX: u32 = 1_000;
/// Jobs of one schedule that may wait or run before its further ticks are passed over: a job that takes longer than its
/// period must not fill the queue.
pub const OVERLAP_MAX: usize = 1_000;
/// Times that a look ahead names when nobody says how many.
pub const FORECAST_DEFAULT: usize = 5;
/// Times that one look ahead names: three years of a daily one.
pub const FORECAST_MAX: usize = 1_000;
/// Lines of output that a list shows of each execution: the last ones say how it went. All are at its own address.
pub const LISTED_OUTPUT_LINES_MAX: usize = 10;
/// Backups that may be kept: almost three years of nightly ones.
pub const BACKUPS_KEPT_MAX: usize = 1_000;
/// Ticks of the past that one backfill fires.
pub const BACKFILL_MAX: usize = 1_000;

/// Alert rules: each is looked at every time.
pub const ALERT_RULES_MAX: usize = 100;
/// Alerts that fire at once; whoever has more has one great trouble, and not a thousand.
pub const ALERTS_FIRING_MAX: usize = 1_000;
/// Cleared alerts that are remembered; they are kept in memory.
pub const ALERTS_CLEARED_MAX: usize = 5_000;
/// Time that a cleared alert is remembered.
pub const ALERT_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Failures in a row that a rule waits for at most.
pub const ALERT_FAILURES_MAX: u64 = 1_000;
/// Jobs that a rule lets wait at most.
pub const ALERT_JOBS_MAX: u64 = 1_000_000_000;
/// Longest time that a rule waits.
pub const ALERT_SPAN_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// Longest time between two looks at what time alone can break. A bound that is shorter is looked at in its own time, but
/// not more often than each [`ALERT_LOOK_MIN`].
pub const ALERT_LOOK_EVERY: Duration = Duration::from_secs(10);
/// Shortest time between two looks by the clock.
pub const ALERT_LOOK_MIN: Duration = Duration::from_secs(1);

/// Bytes of the type of an event: it is indexed.
pub const EVENT_TYPE_BYTES_MAX: usize = 128;
/// Time for which events are remembered unless an operator chooses another: longer than an endpoint may fail.
pub const EVENTS_KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Events that an application may tell in one completing commit.
pub const EMITTED_MAX: usize = 1_000;
/// Bytes of the payload of an application's own event: what common receivers of webhooks take.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// How far the time of a delivery may be from ours, after Standard Webhooks.
pub const WEBHOOK_TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Bytes of a webhook's secret that is made here: as strong as the signature.
pub const WEBHOOK_SECRET_BYTES: usize = 32;
/// Bytes of a secret that somebody gives at least, after Standard Webhooks.
pub const WEBHOOK_SECRET_BYTES_MIN: usize = 24;
/// And at most.
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 64;
/// Time that a receiver of webhooks has for its answer: it is to write the event down, and to work afterwards.
pub const WEBHOOK_CALL_MAX: Duration = Duration::from_secs(20);
/// Bytes of a receiver's answer that are kept, for whoever wonders what it said.
pub const WEBHOOK_ANSWER_KEPT_MAX: usize = 1024;
/// Longest pause that a receiver of webhooks may ask for.
pub const WEBHOOK_RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// A receiver that has taken nothing for so long is switched off: a long weekend, and two days to notice.
pub const WEBHOOK_FAILING_MAX: Duration = Duration::from_secs(5 * 24 * 3600);
/// But not before so many tries have failed: an endpoint that hears of little is not judged by one or two.
pub const WEBHOOK_FAILURES_MIN: u32 = 5;

/// Subscriptions: each of them reads the log for itself.
pub const SUBSCRIPTIONS_MAX: usize = 500;
/// Patterns of a subscription.
pub const SUBSCRIPTION_PATTERNS_MAX: usize = 32;
/// Bytes of the address of a subscription or of a job's callback.
pub const SUBSCRIPTION_URL_BYTES_MAX: usize = 2_048;
/// Longest time for which an old secret is valid beside its successor.
pub const SECRET_OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// And when nobody says.
pub const SECRET_OVERLAP_DEFAULT: Duration = Duration::from_secs(24 * 3600);
/// Events of a subscription that stand as records and were not taken. Beyond it the log holds the rest.
pub const SENDINGS_WAITING_MAX: usize = 1_000;
/// Records of a subscription's latest events that were taken, for whoever wonders what came of them.
pub const SENDINGS_DELIVERED_KEPT: usize = 100;
/// Records of a subscription's latest events that nobody took. They can be replayed.
pub const SENDINGS_DEAD_KEPT: usize = 1_000;
/// Age at which a record of an event that was taken, or given up, is forgotten.
pub const SENDING_RETENTION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Tries that go on at once for one subscription: enough to hide the way there and back, and few for one receiver.
pub const RELAY_TRIES_MAX: usize = 8;
/// Events of a subscription that are read from the log before they are tried.
pub const RELAY_READ_AHEAD: usize = 256;
/// Shortest time between two commits of a subscription. What was sent since the last one is sent again after a crash.
pub const RELAY_STEP_EVERY: Duration = Duration::from_millis(100);
/// An endpoint that has failed so often in a row is tried by one event at a time.
pub const RELAY_FAILING_AFTER: u32 = 3;
/// And by one that was never tried not more often than this.
pub const RELAY_PROBE_EVERY: Duration = Duration::from_secs(60);

/// Letters that wait at once, one an address: they are kept as one shared state, together with what may stand in them.
pub const LETTERS_MAX: usize = 100;
/// Things that one letter names; beyond them they are only counted.
pub const LETTER_ITEMS_MAX: usize = 8;
/// Bytes of an error that a letter shows.
pub const LETTER_TEXT_BYTES_MAX: usize = 300;

/// Bytes of a progress message.
pub const MESSAGE_BYTES_MAX: usize = 500;
/// Bytes of an error's message.
pub const ERROR_BYTES_MAX: usize = 4 * 1024;
/// Bytes of an error's stack trace.
pub const STACK_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the state that a job saves for its next attempt.
pub const STATE_BYTES_MAX: usize = 1024 * 1024;
/// Ended attempts that a job remembers; older ones are forgotten first.
pub const ATTEMPTS_KEPT_MAX: usize = 50;
/// Log lines kept of one job; older ones are forgotten first.
pub const LOG_LINES_MAX: usize = 1_000;
/// Bytes of one log line.
pub const LOG_LINE_BYTES_MAX: usize = 4 * 1024;
/// Errors of single items that a job names in its result; beyond them they are only counted.
pub const PARTIAL_ERRORS_KEPT_MAX: usize = 100;
/// Follow-up jobs in one completing commit.
pub const FOLLOW_UPS_MAX: usize = 1_000;

/// Results up to this size become a `data:` URL; larger ones go to the result store.
pub const INLINE_RESULT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one result in the result store.
pub const RESULT_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// A list shows a `data:` URL up to this size, and the address of the result instead of a longer one.
pub const LISTED_RESULT_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a dataset file: what a profile can hold in memory beside the jobs.
pub const DATASET_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Columns of a dataset: a result names each of them.
pub const DATASET_COLUMNS_MAX: usize = 1_000;
/// Cells of a dataset: each costs four bytes even when it is empty.
pub const DATASET_CELLS_MAX: usize = 64_000_000;
/// Different values of one column that are told apart; beyond them a profile says that its count is a lower bound.
pub const DISTINCT_VALUES_MAX: usize = 250_000;
/// Bytes of one value that a profile or a complaint shows.
pub const SHOWN_VALUE_BYTES_MAX: usize = 200;
/// Groups of one report: more is a copy of the data, and no report.
pub const REPORT_GROUPS_MAX: usize = 100_000;
/// Bytes of an address that is called.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Time to reach a service that a job calls.
pub const HTTP_CONNECT_MAX: Duration = Duration::from_secs(10);
/// Time that a whole call of a service may take, when a payload does not say.
pub const HTTP_CALL_DEFAULT: Duration = Duration::from_secs(60);
/// Bytes of a service's answer that a job keeps.
pub const HTTP_ANSWER_KEPT_MAX: usize = 64 * 1024;
/// Bytes of one line that a command prints: a result comes as a line.
pub const COMMAND_LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a command's complaints that its error shows: the last ones say why it ended.
pub const COMMAND_STDERR_KEPT_MAX: usize = 4 * 1024;
/// Time that a command has between the request to end and its end by force.
pub const COMMAND_STOP_GRACE: Duration = Duration::from_secs(2);

/// Crashes after which a job is quarantined: it takes its process down with it, so no more tries.
pub const CRASHES_MAX: u32 = 5;
/// Pause before the next try of a crashed job: a crash loop must not be a busy loop.
pub const CRASH_DELAY: Duration = Duration::from_secs(1);
/// Time that a blocking processor has, once asked to stop, before its thread is given up as abandoned.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// Waiting this long makes a normal job as urgent as a fresh high one (rule 30).
pub const AGEING_NORMAL: Duration = Duration::from_secs(60);
/// Waiting this long makes a low job as urgent as a fresh high one (rule 30).
pub const AGEING_LOW: Duration = Duration::from_secs(600);

/// Jobs waiting in one queue, beyond which new ones are refused with 429.
pub const QUEUE_DEPTH_MAX: u64 = 5_000_000;
/// Calls that may wait to be written to a database in another place, beyond which new jobs are refused with 503; and as many more
/// of calls that end what has been begun.
pub const UNWRITTEN_CALLS_MAX: usize = 10_000;
/// Bytes of such calls: they are held in memory.
pub const UNWRITTEN_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Time that an idempotency key lives.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Rows on one page of a list.
pub const PAGE_MAX: usize = 500;
/// Schedules that `GET /jobs/status` names: it has no pages.
pub const STATUS_SCHEDULES_MAX: usize = 10_000;
/// Rows on a page when none are asked for.
pub const PAGE_DEFAULT: usize = 20;
/// Deepest offset where counters are kept: they tell where it is. More jobs than any history holds.
pub const OFFSET_MAX: usize = 1_000_000_000;
/// Deepest offset where jobs are searched for (by user, tag, schedule or text, and among dead letters): what it leaves
/// out must be found first. A cursor goes further at no cost.
pub const OFFSET_SEARCHED_MAX: usize = 10_000;
/// A total that no counter keeps (by user, tag, schedule or text) is counted up to here.
pub const COUNTED_TOTAL_MAX: u64 = 10_000;
/// Jobs that one bulk retry, cancel or discard touches in one step (rule 27).
pub const BULK_CHUNK: usize = 500;
/// Longest time that a request may be held by `Prefer: wait` or `?wait=`.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// Progress of one job is told to watchers at most this often; the last value always arrives.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// Changes that the stream of all jobs remembers for readers that come back.
pub const CHANGES_KEPT_MAX: usize = 10_000;
/// Event streams open at once.
pub const STREAMS_MAX: usize = 10_000;
/// Connections at once: the streams, and as many again for everybody else. Who comes beyond waits until somebody leaves.
pub const CONNECTIONS_MAX: usize = 2 * STREAMS_MAX;

/// Connections that an operator may allow: each takes a file descriptor.
pub const CONNECTIONS_CHOSEN_MAX: usize = 1_000_000;
/// Time that a client has to agree on TLS.
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Blocking processors at once: each is a thread, and far fewer than this keep any machine busy.
pub const THREADS_MAX: usize = 1_024;
/// Async processors at once: each may hold a socket, and descriptors are bounded.
pub const IO_SLOTS_MAX: usize = 65_536;
/// Longest drain. Whoever stops a server must not wait for days.
pub const GRACE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Term of a lease: how long a worker of another process may give no sign of life.
pub const LEASE: Duration = Duration::from_secs(30);
/// Shortest lease: a worker speaks three times in it, and each time over a network.
pub const LEASE_MIN: Duration = Duration::from_secs(1);
/// Keys that are remembered, revoked ones too: a person looks through them, and every node knows them by heart.
pub const KEYS_MAX: usize = 1_000;
/// Bytes of a secret that somebody chose: shorter ones can be guessed.
pub const KEY_SECRET_BYTES_MIN: usize = 32;
/// Bytes of what a caller presents: more than any secret has is not looked at.
pub const KEY_SECRET_BYTES_MAX: usize = 256;
/// Requests in a minute that a key may be bounded to: more than a server answers is no bound.
pub const KEY_REQUESTS_PER_MINUTE_MAX: u32 = 10_000_000;
/// Waiting jobs that a key may be bounded to: they are counted by their ids, in memory.
pub const KEY_QUEUED_MAX: u32 = 1_000_000;
/// Waiting jobs of a key that are looked at again for a request which would be beyond its bound.
pub const KEY_QUEUED_LOOKS_MAX: usize = 64;
/// Event streams of one key: every browser of an office, and not the streams of all others.
pub const KEY_STREAMS_MAX: usize = 1_000;
/// Keys of the encryption at rest that are in use at once: those of some rotations.
pub const ENCRYPTION_KEYS_MAX: usize = 16;
/// Bytes of the id of such a key: it stands with every value.
pub const ENCRYPTION_KEY_ID_BYTES_MAX: usize = 32;
/// Pause between two notes that a key was used: its last use is known to the minute, and a request writes nothing.
pub const KEY_USE_NOTED_EVERY: Duration = Duration::from_secs(60);
/// Time after which somebody who signed in at the dashboard shows their key again: a working day, and not the next.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// Time that a pass to the events of a job opens them: long enough to connect, and to connect again after a break.
pub const PASS_LIFE: Duration = Duration::from_secs(600);
/// Longest lease: so long does a job of a dead worker wait for another one.
pub const LEASE_MAX: Duration = Duration::from_secs(3600);
/// Workers of other processes at once: each is kept in memory.
pub const WORKERS_MAX: usize = 10_000;
/// Subtypes that one worker does.
pub const WORKER_SUB_TYPES_MAX: usize = 100;
/// Jobs that one worker says that it works on at once.
pub const WORKER_CONCURRENCY_MAX: u32 = 10_000;
/// Subtypes that workers of other processes have ever done: they are known for good.
pub const SUB_TYPES_KNOWN_MAX: usize = 10_000;
/// A worker of which nothing was heard for so long does not count as alive.
pub const WORKER_SILENT_MAX: Duration = Duration::from_secs(60);
/// A worker of which nothing was heard for so long is forgotten.
pub const WORKER_FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Jobs that one call hands out to a worker: they come with their payloads.
pub const LEASED_AT_ONCE_MAX: u32 = 100;
/// Reports in one call.
pub const REPORTS_MAX: usize = 1_000;
/// Bytes of a result that a worker uploads: it is held in memory on its way.
pub const UPLOAD_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Uploads at once, for the same reason.
pub const UPLOADS_MAX: usize = 4;
/// Time that an upload may take: that of its bytes over a slow line.
pub const UPLOAD_READ_MAX: Duration = Duration::from_secs(300);
/// Longest time that a call which waits for work relies on hints, before it looks again by itself (rule 25).
pub const LEASE_LOOK_EVERY: Duration = Duration::from_secs(10);
/// Longest time that `Retry-After` asks a poller to stay away: an estimate may be wrong, a minute's wait is bearable.
pub const POLL_AFTER_MAX: Duration = Duration::from_secs(60);
/// Bytes of a request id that a client may give: it is echoed and logged.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Pause between two comments on an idle event stream: shorter than the idle time-outs of common proxies.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// Time a client may take to send a request's head.
pub const HEAD_READ_MAX: Duration = Duration::from_secs(10);
/// Time an idle connection is kept for the next request.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Time that requests under way have when the server stops; an idle connection does not hold it up longer.
pub const STOP_ANSWER_MAX: Duration = Duration::from_secs(2);
/// Time a client may leave sent bytes unread before its connection is given up.
pub const SEND_STALL_MAX: Duration = Duration::from_secs(60);
