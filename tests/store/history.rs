//! What may happen to a store, by chance, and what the reference makes of it.

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use crate::reference::{Draft, How, Insertion, Job, Queue, Stand};

/// What may happen. A number picks among the jobs that it can happen to, if there are any.
#[derive(Debug, Clone)]
pub enum Step {
    Insert(Draft),
    Claim {
        sub_types: Vec<usize>,
        max: usize,
    },
    Report {
        pick: usize,
        percent: u8,
    },
    End {
        pick: usize,
        how: How,
    },
    /// A holder that was given up long ago reports.
    EndLate {
        pick: usize,
    },
    Cancel {
        pick: usize,
    },
    Retry {
        pick: usize,
    },
    Discard {
        pick: usize,
    },
    Expire,
    Pause {
        sub_type: usize,
        paused: bool,
    },
    Wait {
        millis: i64,
    },
    Prune {
        age: i64,
    },
    Restart {
        orderly: bool,
    },
}

/// The reference, and what its latest step answered.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub queue: Queue,
    pub answer: Answer,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub enum Answer {
    #[default]
    Nothing,
    Inserted(Insertion),
    Claimed(Vec<usize>),
    /// It happened to that job, which somebody else's step had changed since it was handed out.
    Happened {
        to: usize,
        stale: bool,
    },
    Taken {
        to: usize,
        by: usize,
    },
    Pruned(u64),
}

/// The model of an engine; only the one on disk can restart.
pub struct Model<const ENGINE: u8>;

/// The engines that it is lived through with.
pub const MEMORY: u8 = 0;
pub const SQLITE: u8 = 1;
#[cfg(all(unix, feature = "postgres"))]
pub const POSTGRES: u8 = 2;

impl<const ENGINE: u8> ReferenceStateMachine for Model<ENGINE> {
    type State = Expected;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Expected> {
        Just(Expected::default()).boxed()
    }

    fn transitions(_: &Expected) -> BoxedStrategy<Step> {
        let restart = |orderly| if ENGINE != MEMORY { Step::Restart { orderly } } else { Step::Expire };
        let how = prop::sample::select(vec![How::Succeed, How::Fail, How::FailForGood, How::TimeOut, How::Release]);
        let sub_types = prop::sample::subsequence(vec![0, 1], 1..=2);
        let pick = 0usize..1_000;
        prop_oneof![
            14 => draft().prop_map(Step::Insert),
            8 => (sub_types, 1usize..4).prop_map(|(sub_types, max)| Step::Claim { sub_types, max }),
            3 => (pick.clone(), 0u8..=100).prop_map(|(pick, percent)| Step::Report { pick, percent }),
            8 => (pick.clone(), how).prop_map(|(pick, how)| Step::End { pick, how }),
            2 => pick.clone().prop_map(|pick| Step::EndLate { pick }),
            4 => pick.clone().prop_map(|pick| Step::Cancel { pick }),
            3 => pick.clone().prop_map(|pick| Step::Retry { pick }),
            1 => pick.prop_map(|pick| Step::Discard { pick }),
            2 => Just(Step::Expire),
            2 => (0usize..2, any::<bool>()).prop_map(|(sub_type, paused)| Step::Pause { sub_type, paused }),
            6 => prop_oneof![0i64..3, 0i64..3_000, 0i64..90_000].prop_map(|millis| Step::Wait { millis }),
            1 => (0i64..10_000).prop_map(|age| Step::Prune { age }),
            1 => any::<bool>().prop_map(restart),
        ]
        .boxed()
    }

    fn apply(mut state: Expected, step: &Step) -> Expected {
        let queue = &mut state.queue;
        state.answer = match step {
            Step::Insert(draft) => Answer::Inserted(queue.insert(draft)),
            Step::Claim { sub_types, max } => Answer::Claimed(queue.claim(sub_types, *max)),
            Step::Report { pick, percent } => happen(queue, *pick, is_running, |queue, to| queue.report(to, *percent)),
            Step::End { pick, how } => happen(queue, *pick, is_running, |queue, to| queue.end(to, *how)),
            Step::EndLate { .. } => Answer::Nothing,
            Step::Cancel { pick } => happen(queue, *pick, can_be_cancelled, Queue::cancel),
            Step::Retry { pick } => {
                let mut holder = None;
                match happen(queue, *pick, |_| true, |queue, to| holder = queue.retry(to)) {
                    Answer::Happened { to, .. } if holder.is_some() => Answer::Taken { to, by: holder.unwrap() },
                    answer => answer,
                }
            }
            Step::Discard { pick } => happen(queue, *pick, is_dead, Queue::discard),
            Step::Expire => {
                queue.expire();
                Answer::Nothing
            }
            Step::Pause { sub_type, paused } => {
                if *paused {
                    queue.paused.insert(*sub_type)
                } else {
                    queue.paused.remove(sub_type)
                };
                Answer::Nothing
            }
            Step::Wait { millis } => {
                queue.now += millis;
                Answer::Nothing
            }
            Step::Prune { age } => Answer::Pruned(queue.prune(queue.now - age)),
            Step::Restart { .. } => {
                queue.crash();
                Answer::Nothing
            }
        };
        state
    }
}

/// Lets something happen to the job that a number picks.
fn happen(queue: &mut Queue, pick: usize, can: impl Fn(&Job) -> bool, what: impl FnOnce(&mut Queue, usize)) -> Answer {
    let candidates = queue.those(can);
    if candidates.is_empty() {
        return Answer::Nothing;
    }
    let to = candidates[pick % candidates.len()];
    let stale = queue.jobs[to].stand == (Stand::Running { cancelled: true });
    what(queue, to);
    Answer::Happened { to, stale }
}

fn is_running(job: &Job) -> bool {
    matches!(job.stand, Stand::Running { .. })
}

fn can_be_cancelled(job: &Job) -> bool {
    matches!(job.stand, Stand::Waiting { .. } | Stand::Running { cancelled: false })
}

fn is_dead(job: &Job) -> bool {
    matches!(job.stand, Stand::Ended { dead: true, .. })
}

fn draft() -> impl Strategy<Value = Draft> {
    let rarely = |strategy: BoxedStrategy<i64>| prop_oneof![3 => Just(None), 1 => strategy.prop_map(Some)];
    let unique = prop_oneof![4 => Just(None), 1 => (0usize..2, any::<bool>()).prop_map(Some)];
    let gate = prop_oneof![2 => Just(None), 1 => (0usize..2).prop_map(Some)];
    let request = prop_oneof![5 => Just(None), 1 => (0usize..2, 0u8..2).prop_map(Some)];
    let times = (rarely((1i64..4_000).boxed()), rarely((1i64..9_000).boxed()));
    (0usize..2, 0usize..3, times, unique, gate, request).prop_map(
        |(sub_type, priority, (delay, expires_in), unique, gate, request)| Draft {
            sub_type,
            priority,
            delay,
            expires_in,
            unique,
            gate,
            request,
        },
    )
}
