//! The HTTP edge on a real socket: every row of the contract's tables, hostile input, and the description of the API
//! driven operation by operation. Jobs are taken through their lives by the test itself, step by step, so nothing here
//! depends on how fast anything runs.
#![cfg(feature = "http-client")]

mod accept;
mod access;
mod access_users;
mod act;
mod alerts;
mod audit;
mod bulk;
mod cron;
mod document;
mod document_alerts;
mod document_keys;
mod document_schedules;
mod document_workers;
mod embedding;
mod errors;
mod events;
mod executions;
mod figures;
mod foreign;
mod hostile;
mod limits;
mod list;
mod locks;
mod look;
mod pages;
mod remote;
mod result;
mod schedule_edits;
mod schedules;
mod sealed;
mod server;
mod states;
mod subscriptions;
#[path = "../store/veil.rs"]
mod veil;
mod workers;
mod workers_reports;
mod workers_uploads;
mod workers_waiting;
