//! What the rows are measured with. The client, its turns and its table are those of the other table.
//!
//! | file | holds |
//! | --- | --- |
//! | [`settings`] | which rows, how long, how many |
//! | [`cluster`] | the databases of the contestants, on one cluster |
//! | [`contestant`] | a queue in a process of its own, and what it is told to do |
//! | [`faena`] | the program, over HTTP |

#[expect(dead_code, reason = "the other table asks for more")]
#[path = "../../../table/support/answer.rs"]
pub mod answer;
pub mod cluster;
pub mod contestant;
#[path = "../../../table/support/exchange.rs"]
pub mod exchange;
pub mod faena;
pub mod jobs;
#[path = "../../../table/support/load.rs"]
pub mod load;
#[path = "../../../table/support/pairs.rs"]
pub mod pairs;
#[expect(dead_code, reason = "the other table shows more")]
#[path = "../../../table/support/report.rs"]
pub mod report;
pub mod settings;
