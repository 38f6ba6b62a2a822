//! Tokens that have expired are deleted.

use faena::work::{Completion, Context, Description, Failure, NoPayload, Processor};
use serde_json::json;

use crate::Market;
use crate::data::{Base, stored};

pub const CLEANUP: &str = "cleanup_expired_tokens";

/// Deletes refresh and verification tokens that have expired.
pub struct CleanupExpiredTokens(pub Market);

impl Processor for CleanupExpiredTokens {
    type Payload = NoPayload;

    fn describe(&self) -> Description {
        Description { kind: Some("maintenance"), summary: "Deletes expired tokens.", ..Description::default() }
    }

    fn run(&self, _: NoPayload, ctx: &Context) -> Result<Completion, Failure> {
        let moment = stored(self.0.days.moment_of(ctx));
        let (refresh, verification) = self.0.data.write(Base::Auth, |transaction| {
            let refresh = transaction.execute("DELETE FROM refresh_tokens WHERE expires_at < ?1", [moment])?;
            let verification =
                transaction.execute("DELETE FROM verification_tokens WHERE expires_at < ?1", [moment])?;
            Ok((refresh, verification))
        })?;
        ctx.log(format!("deleted {} expired tokens", refresh + verification));
        ctx.complete_json(&json!({ "refresh": refresh, "verification": verification }))
    }
}
