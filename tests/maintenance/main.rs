//! What keeps a server well: its schedules, which are made at the start and stay as people change them, and each of the
//! jobs that they make.

mod backups;
mod forgetting;
mod house;
mod letters;
mod soundness;
mod timetables;
