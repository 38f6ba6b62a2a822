//! Sending events: from what happens to who subscribed, over real connections on loopback, on each engine; by several nodes; and
//! across a kill -9.

#[cfg(unix)]
#[path = "../crash/chance.rs"]
mod chance;
#[cfg(all(unix, feature = "postgres"))]
#[path = "../store/cluster.rs"]
mod cluster;
#[cfg(unix)]
mod crash;
mod house;
#[cfg(unix)]
mod judge;
#[cfg(all(unix, feature = "postgres"))]
mod nodes;
mod off;
mod restarts;
#[cfg(unix)]
mod scene;
#[cfg(unix)]
mod sender;
mod sending;
mod settings;
#[cfg(unix)]
mod steps;
#[cfg(unix)]
#[path = "../store/veil.rs"]
mod veil;
#[cfg(unix)]
mod witness;

/// One test for each engine: `postgres::sending::a_try_says_what_came_of_it`.
macro_rules! on_each {
    ($($area:ident { $($clause:ident)* })*) => {
        on_each!(memory Memory { $($area { $($clause)* })* });
        on_each!(sqlite Sqlite { $($area { $($clause)* })* });
        #[cfg(all(unix, feature = "postgres"))]
        on_each!(postgres Postgres { $($area { $($clause)* })* });
    };
    ($module:ident $engine:ident { $($area:ident { $($clause:ident)* })* }) => {
        mod $module {
            $(mod $area {
                $(#[tokio::test]
                async fn $clause() {
                    if let Some(ground) = crate::house::Ground::of(crate::house::Engine::$engine) {
                        crate::$area::$clause(ground).await;
                    }
                })*
            })*
        }
    };
}

on_each! {
    sending {
        what_happens_to_a_job_is_told_in_order_and_signed
        only_what_is_wanted_is_told_and_only_from_then_on
        an_endpoint_that_does_not_answer_is_in_nobodys_way
        what_was_not_taken_is_tried_again_before_what_follows_it
        who_is_gone_is_switched_off_and_switched_on_again_by_hand
        a_secret_is_replaced_while_both_are_valid
        a_try_says_what_came_of_it
        one_user_hears_of_what_is_theirs_and_sees_their_own_subscriptions
        the_callback_of_a_job_is_told_of_its_end_and_of_nothing_else
        an_address_that_is_not_public_is_refused_when_it_is_given
    }
    off {
        one_that_is_gone_fires_an_alert_that_clears_when_it_is_switched_on_again
        one_that_has_taken_nothing_for_days_fires_an_alert_at_its_next_failure
    }
    settings {
        every_event_goes_to_the_webhook_of_the_settings
        at_times_of_its_own_nothing_is_sent_before_somebody_asks
        a_process_that_sends_nothing_says_so
    }
}
