//! Blocks of the chain are applied, each once and in order: by a job that may be killed anywhere.
//!
//! The lock keeps others from doing the same work at the same time, which is a matter of thrift. That no block is
//! applied twice is the database's doing: see `database`. The shared state is for whoever wants to know how far it is.

use std::time::Duration;

use faena::work::{AsyncProcessor, Completion, Context, Description, Failure};
use reqwest::Client;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use validator::Validate;

use crate::chain::{BLOCKS_AN_ANSWER, Block};
use crate::database::Database;

pub const SYNC: &str = "blockchain_sync";

/// Name of the lock and of the shared state.
const NAME: &str = "blockchain-sync";

/// How long the lock outlives a process that is suspended; it renews itself.
const LOCK_TTL: Duration = Duration::from_secs(300);

/// What to do beyond applying what is new.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resync {
    /// In an emergency: compare what was applied from this block on with the chain, and tell what differs.
    #[validate(range(min = 1))]
    from_block: Option<u64>,
}

/// Applies the blocks that are new.
pub struct BlockchainSync {
    pub database: Database,
    pub chain: String,
    pub client: Client,
}

impl AsyncProcessor for BlockchainSync {
    type Payload = Resync;

    fn describe(&self) -> Description {
        Description { kind: Some("sync"), summary: "Applies new blocks of the chain.", ..Description::default() }
    }

    async fn run(&self, resync: Resync, ctx: Context) -> Result<Completion, Failure> {
        let Some(lock) = ctx.lock(NAME, LOCK_TTL).await? else {
            return ctx.complete_json(&json!({ "skipped": "another one is at it" }));
        };
        if let Some(from) = resync.from_block {
            self.compare(from, &ctx).await?;
        }
        let token = lock.fencing_token();
        let reached = tokio::select! {
            reached = self.follow(token, &ctx) => reached?,
            () = lock.lost() => return Err(Failure::new("the lock was lost")),
        };
        let (database, job) = (self.database.clone(), ctx.job_id().to_string());
        let applied = tokio::task::spawn_blocking(move || database.applied_by(&job)).await??;
        ctx.complete_json(&json!({ "reached": reached, "applied": applied }))
    }
}

impl BlockchainSync {
    /// Applies what follows the last block, until there is no more; answers the last one.
    async fn follow(&self, token: u64, ctx: &Context) -> Result<u64, Failure> {
        let shared = ctx.shared_state(NAME)?;
        let mut last = self.last_block().await?;
        ctx.log(format!("goes on after block {last}"));
        loop {
            let blocks = self.ask(last + 1).await?;
            check_links(last, &blocks)?;
            if blocks.is_empty() {
                return Ok(last);
            }
            let (database, by) = (self.database.clone(), ctx.job_id().to_string());
            last = tokio::task::spawn_blocking(move || database.apply(&blocks, token, &by)).await??;
            shared.save(&json!({ "lastBlock": last })).await?;
            // Nobody knows how high the chain will be, so the share is of what was seen: it nears the whole.
            ctx.progress(100.0 * last as f64 / (last + 500) as f64, format!("block {last}"));
        }
    }

    /// Reads applied blocks again; what differs is told, and left to people.
    async fn compare(&self, from: u64, ctx: &Context) -> Result<(), Failure> {
        let last = self.last_block().await?;
        let mut next = from;
        while next <= last {
            let blocks = self.ask(next).await?;
            let Some(reached) = blocks.last().map(|block| block.number) else { break };
            let database = self.database.clone();
            let differing = tokio::task::spawn_blocking(move || differing(&database, last, &blocks)).await??;
            for number in differing {
                ctx.partial_error(format!("block {number}"), "differs from the chain");
            }
            next = reached + 1;
        }
        Ok(())
    }

    async fn last_block(&self) -> Result<u64, Failure> {
        let database = self.database.clone();
        Ok(tokio::task::spawn_blocking(move || database.last_block()).await??)
    }

    async fn ask(&self, from: u64) -> Result<Vec<Block>, Failure> {
        let answer = self.client.get(format!("{}/blocks?from={from}", self.chain)).send().await?;
        let blocks: Vec<Block> = answer.error_for_status()?.json().await?;
        let in_order = blocks.iter().enumerate().all(|(index, block)| block.number == from + index as u64);
        if !in_order || blocks.len() as u64 > BLOCKS_AN_ANSWER {
            return Err(Failure::new(format!("the chain answered other blocks than those from {from} on")));
        }
        Ok(blocks)
    }
}

/// Each block must follow the one before it.
fn check_links(last: u64, blocks: &[Block]) -> Result<(), Failure> {
    match blocks.windows(2).find(|pair| pair[1].parent != pair[0].hash) {
        Some(pair) => Err(Failure::new(format!("block {} does not follow {last} and those after it", pair[1].number))),
        None => Ok(()),
    }
}

/// Those blocks up to the last one that were applied otherwise than the chain has them, or not exactly once.
fn differing(database: &Database, last: u64, blocks: &[Block]) -> rusqlite::Result<Vec<u64>> {
    let connection = database.connect()?;
    let mut select = connection.prepare("SELECT hash FROM blocks WHERE number = ?1")?;
    let mut differing = Vec::new();
    for block in blocks.iter().filter(|block| block.number <= last) {
        let hashes: Vec<String> =
            select.query_map([block.number as i64], |row| row.get(0))?.collect::<Result<_, _>>()?;
        if hashes != [block.hash.as_str()] {
            differing.push(block.number);
        }
    }
    Ok(differing)
}
