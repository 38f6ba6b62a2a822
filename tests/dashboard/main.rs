//! The dashboard: who may come in and what every page tells a browser, over plain HTTP; and what people do there, in a real
//! browser.

mod access;
mod browser;
mod forms;
mod journey;
mod server;
mod strangers;
