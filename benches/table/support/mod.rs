//! What the rows are measured with.
//!
//! | file | holds |
//! | --- | --- |
//! | [`settings`] | which rows, how long, how many |
//! | [`server`] | the program and the bare server, as processes |
//! | [`bare`] | the bare server: actix-web, serde and nothing else |
//! | [`load`] | many connections, each with one request under way |
//! | [`exchange`] | one connection, one request at a time |
//! | [`answer`] | the little of HTTP that a client needs |
//! | [`jobs`] | what is posted, and how its ends are counted |
//! | [`pairs`] | turns of two contestants, medians |
//! | [`disk`] | a folder on a disk, and what `fdatasync` costs there |
//! | [`beanstalkd`] | another queue to stand beside, if it is installed |
//! | [`report`] | rows and their table |

pub mod answer;
pub mod bare;
pub mod beanstalkd;
pub mod disk;
pub mod exchange;
pub mod jobs;
pub mod load;
pub mod pairs;
pub mod report;
pub mod server;
pub mod settings;
