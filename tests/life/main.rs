//! The life of a job, proven on [`decide`](fn@faena::job::decide) alone: every arrow, what each of them records, the
//! refusal of every other pair, and what no sequence of events can bring about.

mod again;
mod cancel;
mod claim;
mod ending;
mod factory;
mod giving_back;
mod matrix;
mod reports;
mod sequences;
