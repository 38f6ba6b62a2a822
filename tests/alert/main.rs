//! Alerts, pure and by a manual clock: when a rule is broken, what fires once and clears once, and what is looked at.

#[cfg(all(unix, feature = "postgres", feature = "email"))]
#[expect(dead_code, reason = "nothing is said behind its back here")]
#[path = "../store/cluster.rs"]
mod cluster;
mod deciding;
mod house;
#[cfg(feature = "email")]
mod letters;
mod looks;
#[cfg(feature = "email")]
#[expect(dead_code, reason = "nobody logs in here")]
#[path = "../event/post_office.rs"]
mod post_office;
mod running;
mod silence;

/// One test for each engine.
#[cfg(feature = "email")]
macro_rules! on_each {
    ($($clause:ident)*) => {
        on_each!(memory: Memory $($clause)*);
        on_each!(sqlite: Sqlite $($clause)*);
        #[cfg(all(unix, feature = "postgres"))]
        on_each!(postgres: Postgres $($clause)*);
    };
    ($module:ident: $engine:ident $($clause:ident)*) => {
        mod $module {
            $(#[tokio::test]
            async fn $clause() {
                if let Some(house) = crate::house::House::of(crate::house::Engine::$engine) {
                    crate::letters::$clause(house).await;
                }
            })*
        }
    };
}

#[cfg(feature = "email")]
on_each! {
    a_storm_of_failures_is_one_letter_to_each_address_with_the_last_good_run
    of_two_who_send_one_is_told_that_the_other_was_first
}
