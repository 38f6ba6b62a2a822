//! Following a job on the screen: a bar in a terminal, a line for each change in a pipe, JSON on request.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use faena::client::{Client, JobView, Seen};
use faena::clock::{Clock, Timestamp};
use faena::job::Status;

use super::ending::{Ending, Trouble};
use super::{args, output, span};

/// How often the times of a bar go on between two changes of the job.
const TICK: Duration = Duration::from_millis(200);
/// Terminals narrower than this get no bar beside the numbers.
const NARROW: u16 = 60;

/// Follows a job to its end in the form that the output calls for, and ends as the job does.
pub async fn with_bar(client: &Client, id: &str, json: bool) -> Result<Ending, Trouble> {
    let job = if json {
        as_json(client, id).await?
    } else if output::may_draw() {
        let job = bar(client, id).await?;
        print_ending(client, &job)?;
        job
    } else {
        let job = changes(client, id, |job| output::line(change(job))).await?;
        print_ending(client, &job)?;
        job
    };
    Ok(Ending::of(&job))
}

/// Follows a job to its end on stderr, which leaves stdout to its result.
pub async fn aside(client: &Client, id: &str) -> Result<JobView, Trouble> {
    let note = |job: &JobView| {
        output::note(change(job));
        Ok(())
    };
    let job =
        if output::may_draw_on(&io::stderr()) { bar(client, id).await? } else { changes(client, id, note).await? };
    ending(&job, job.status.as_str()).iter().for_each(output::note);
    Ok(job)
}

/// Follows a job to its end, each change as a line of JSON.
pub async fn as_json(client: &Client, id: &str) -> Result<JobView, Trouble> {
    changes(client, id, output::json_line).await
}

/// Says how a job ended, with its error or the address of its result.
pub fn print_ending(client: &Client, job: &JobView) -> Result<(), Trouble> {
    ending(job, &output::status(job.status)).iter().try_for_each(output::line)?;
    if job.status == Status::Completed && job.result_url.is_some() {
        let server = args::server_flag(&client.url(""));
        output::line(format!("  {} result {}{server}", output::program(), job.job_id))?;
    }
    Ok(())
}

/// How a job ended, with its error, in lines.
fn ending(job: &JobView, status: &str) -> Vec<String> {
    let took = job.duration_ms.map_or_else(String::new, |ms| format!(" in {}", span::show(Duration::from_millis(ms))));
    let mut lines = vec![format!("{status} {}{took}", job.job_id)];
    if let Some(error) = &job.error {
        lines.push(format!("  {}: {}", output::harmless(&error.kind), output::harmless(&error.message)));
    }
    if job.attempt > 1 {
        lines.push(format!("  after {} of {} tries", job.attempt, job.max_attempts));
    }
    lines
}

/// Follows a job, handing each change to `show`.
async fn changes(
    client: &Client,
    id: &str,
    show: impl Fn(&JobView) -> Result<(), Trouble>,
) -> Result<JobView, Trouble> {
    let mut watch = client.watch(id);
    let mut away = false;
    loop {
        match watch.next().await? {
            Seen::Job(job) => {
                if std::mem::take(&mut away) {
                    output::note("the server is back");
                }
                show(&job)?;
                if job.status.is_terminal() {
                    return Ok(*job);
                }
            }
            Seen::Away(reason) if !std::mem::replace(&mut away, true) => output::note(format!("{reason}; waiting")),
            Seen::Away(_) => {}
        }
    }
}

/// A change of a job in one line.
fn change(job: &JobView) -> String {
    let line = format!("{:>3}%  {}  {}", job.progress, job.status, doing(job, Clock::System.now()));
    line.trim_end().to_owned()
}

/// Follows a job with a bar, which stays where it was when the job ended.
async fn bar(client: &Client, id: &str) -> Result<JobView, Trouble> {
    let bar = Bar::new();
    let mut watch = client.watch(id);
    let mut tick = tokio::time::interval(TICK);
    let mut latest: Option<Sight> = None;
    loop {
        // The poll is kept across ticks: dropping it would ask the server anew five times a second.
        let next = watch.next();
        tokio::pin!(next);
        let seen = loop {
            tokio::select! {
                seen = &mut next => break seen,
                _ = tick.tick() => bar.show(latest.as_ref()),
            }
        };
        match seen.inspect_err(|_| bar.clear())? {
            Seen::Job(job) if job.status.is_terminal() => {
                bar.show(Some(&Sight { job: (*job).clone(), at: Clock::System.now(), away: false }));
                bar.leave();
                return Ok(*job);
            }
            Seen::Job(job) => latest = Some(Sight { job: *job, at: Clock::System.now(), away: false }),
            Seen::Away(_) => latest.iter_mut().for_each(|sight| sight.away = true),
        }
        bar.show(latest.as_ref());
    }
}

/// The job as it was last seen.
struct Sight {
    job: JobView,
    at: Timestamp,
    away: bool,
}

/// The bar on stderr.
struct Bar {
    bar: ProgressBar,
    /// The width that it is drawn for.
    width: Cell<u16>,
}

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::stderr());
        Self { bar, width: Cell::new(0) }
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Leaves it on the screen as it is.
    fn leave(&self) {
        self.bar.abandon();
        // What is drawn ends without one.
        output::note("");
    }

    fn show(&self, sight: Option<&Sight>) {
        let width = output::width();
        if self.width.replace(width) != width {
            self.bar.set_style(style(width));
        }
        let Some(sight) = sight else {
            self.bar.set_message("asking the server");
            return;
        };
        let now = Clock::System.now();
        let doing = match sight.away {
            true => "the server has gone away".to_owned(),
            false => format!("{}{}", times(sight, now), doing(&sight.job, now)),
        };
        self.bar.set_message(doing);
        self.bar.set_position(u64::from(sight.job.progress));
    }
}

/// A line that fits: the bar gives way first, then the message is cut.
fn style(width: u16) -> ProgressStyle {
    let colour = if output::colours(&io::stderr()) { ".cyan/dim" } else { "" };
    let template = if width < NARROW {
        "{percent:>3}%  {wide_msg}".to_owned()
    } else {
        let bar = (width / 4).clamp(12, 40);
        format!("{{bar:{bar}{colour}}} {{percent:>3}}%  {{wide_msg}}")
    };
    // The template is one of ours; if it were faulty, indicatif's own would still show the progress.
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─")
}

/// Time passed since the job's start, and the time left as the server estimates it.
fn times(sight: &Sight, now: Timestamp) -> String {
    let (Some(started), false) = (sight.job.started_at, sight.job.status.is_terminal()) else { return String::new() };
    let passed = whole(now.millis_since(started.0) / 1_000);
    match sight.job.estimated_remaining_seconds {
        Some(left) => {
            let left = left.saturating_sub(now.millis_since(sight.at) / 1_000);
            format!("{passed}, {} left  ", whole(left))
        }
        None => format!("{passed}  "),
    }
}

/// Whole seconds, for a figure that moves while one looks.
fn whole(seconds: u64) -> String {
    if seconds == 0 { "0 s".to_owned() } else { span::show(Duration::from_secs(seconds)) }
}

/// What the job is doing, or what it waits for.
fn doing(job: &JobView, now: Timestamp) -> String {
    let waits = job.run_at.map(|at| Duration::from_millis(at.0.millis_since(now))).filter(|pause| !pause.is_zero());
    match (job.status, waits) {
        (Status::Queued, Some(pause)) if job.attempt > 0 => {
            let error = job.error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
            let next = job.attempt + 1;
            let pause = span::show(pause);
            output::harmless(&format!("try {next} of {} in {pause}{error}", job.max_attempts))
        }
        (Status::Queued, Some(pause)) => format!("starts in {}", span::show(pause)),
        (Status::Queued, None) => "waiting for its turn".to_owned(),
        (Status::Started, _) => "started".to_owned(),
        _ => output::harmless(job.message.as_deref().unwrap_or_default()),
    }
}
