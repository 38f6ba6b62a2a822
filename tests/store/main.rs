//! What every store promises: one test for each clause of the contract on the port, tried on each engine; what the
//! engine on disk promises besides; and a model that lives through random histories beside both.

mod activity;
mod alerts;
#[cfg(feature = "encryption")]
mod altered;
mod bed;
mod calendar;
mod callbacks;
mod claim;
#[cfg(all(unix, feature = "postgres"))]
mod cluster;
mod commit;
mod counts;
#[cfg(all(unix, feature = "postgres"))]
mod crowded;
#[cfg(all(unix, feature = "postgres"))]
mod database;
mod dice;
mod durable;
#[cfg(feature = "encryption")]
mod encrypting;
#[cfg(feature = "encryption")]
mod encryption_keys;
mod events;
mod history;
mod idempotency;
mod insert;
mod keeping;
mod keys;
mod list;
mod locks;
mod long;
mod model;
mod outbox;
mod overdue;
mod plans;
mod reference;
mod roll;
mod roster;
mod safekeeping;
mod schedules;
#[cfg(feature = "encryption")]
mod sealed;
#[cfg(all(unix, feature = "postgres"))]
mod soak;
mod states;
mod terms;
mod unique;
mod upkeep;
mod veil;
#[cfg(all(unix, feature = "postgres"))]
mod walks;

/// One test for each clause and engine: `sqlite::commit::rule_01_a_stale_epoch_changes_nothing`.
macro_rules! clauses {
    ($($area:ident { $($clause:ident)* })*) => {
        clauses!(memory Memory { $($area { $($clause)* })* });
        clauses!(sqlite Sqlite { $($area { $($clause)* })* });
        #[cfg(feature = "encryption")]
        clauses!(sealed_sqlite Sealed { $($area { $($clause)* })* });
        #[cfg(all(unix, feature = "postgres"))]
        clauses!(postgres Postgres { $($area { $($clause)* })* });
    };
    ($module:ident $engine:ident { $($area:ident { $($clause:ident)* })* }) => {
        mod $module {
            $(mod $area {
                $(#[test]
                fn $clause() {
                    crate::bed::run(crate::bed::Engine::$engine, crate::$area::$clause);
                })*
            })*
        }
    };
}

clauses! {
    outbox {
        a_subscription_is_there_as_it_was_made
        those_of_the_program_have_a_course_and_no_terms
        terms_are_replaced_by_who_knows_the_latest
        a_new_beginning_is_a_step_and_makes_sendings_due
        of_two_who_decide_the_same_step_one_does_it_whole
        who_sees_a_step_sees_its_sendings
        an_end_leaves_nothing_behind
        of_what_is_settled_the_latest_are_kept
        what_is_settled_is_replayed_one_by_one_or_by_time
        what_was_settled_long_ago_is_forgotten
    }
    keeping {
        the_log_is_kept_for_who_has_not_read_it_and_no_longer
        who_is_not_served_holds_nothing_up
        where_nobody_reads_it_its_age_alone_counts
        nobody_holds_the_log_for_ever
        while_nobody_can_say_who_has_read_it_it_is_kept_and_the_rest_goes_on
    }
    insert {
        an_accepted_job_is_there_as_it_was_asked_for
        a_job_that_nobody_asked_for_is_not_there
        answers_come_in_input_order_and_numbers_rise
        a_caller_that_leaves_at_once_leaves_its_job_behind
        no_jobs_is_no_answers
        each_stands_for_itself_unless_told_otherwise
        a_whole_group_is_accepted_whole
        a_whole_group_is_refused_whole_and_leaves_nothing_behind
        an_effect_takes_hold_even_if_nobody_waits_for_it
        a_large_payload_comes_back_byte_for_byte
        a_deep_backlog_keeps_every_payload
    }
    idempotency {
        rule_12_the_same_request_again_gives_the_first_answer
        rule_12_another_body_is_a_mismatch_and_changes_nothing
        rule_12_twice_in_one_batch_is_one_job
        rule_12_many_at_once_get_one_job
        rule_12_a_key_lives_its_window_and_no_longer
        rule_12_a_key_outlives_its_pruned_job
        a_mismatch_stands_in_the_way_of_a_whole_group
        a_replay_stands_in_nobodys_way
        a_replay_of_a_withdrawn_job_is_withdrawn_too
        a_refused_request_leaves_its_key_free
    }
    unique {
        rule_13_an_active_job_holds_its_key
        every_ending_frees_an_active_key
        another_key_is_another_matter
        a_window_holds_its_key_whatever_became_of_the_job
        a_window_outlives_the_pruned_job
        rule_13_twice_in_one_batch_is_one_job
        rule_13_many_at_once_get_one_job
        rule_13_a_job_never_conflicts_with_itself_on_a_retry
        a_retry_does_not_take_a_key_that_somebody_holds
        a_follow_up_whose_key_is_taken_is_left_out
    }
    claim {
        a_claimed_job_runs_and_carries_its_payload
        rule_03_a_claim_counts_the_attempt_and_raises_the_epoch
        a_lease_is_granted_when_asked_for
        priority_comes_first_then_first_in_first_out
        rule_30_waiting_raises_a_job_boundedly
        a_job_whose_time_came_first_goes_first
        rule_06_a_job_is_not_handed_out_before_its_time
        rule_20_a_claim_by_an_earlier_clock_loses_no_job
        the_next_due_is_that_of_the_subtypes_asked_for
        a_failed_job_is_not_handed_out_before_its_backoff
        an_expired_job_is_not_handed_out_and_is_in_nobodys_way
        only_the_subtypes_asked_for_are_handed_out
        urgency_counts_across_subtypes
        no_more_are_handed_out_than_there_is_room_for
        rule_01_no_job_is_handed_out_twice
        a_job_that_is_given_back_is_handed_out_again
        a_saved_state_comes_with_the_next_claim
        no_more_of_a_key_run_than_its_limit
        every_end_of_a_run_lets_the_next_of_its_key_in
        as_many_of_a_key_come_in_as_have_left_together
        a_gated_job_that_is_cancelled_is_in_nobodys_way
        keys_do_not_wait_for_each_other
        gated_jobs_keep_their_order
        a_key_is_not_kept_by_a_subtype_that_nobody_works_on
        jobs_that_come_back_from_several_keys_keep_their_order
    }
    commit {
        a_step_is_answered_with_the_job_after_it
        rule_01_a_stale_epoch_changes_nothing
        rule_11_the_same_step_again_is_stale_and_shows_the_ending
        a_step_of_a_job_that_is_not_there_is_missing
        rule_10_one_stale_step_does_not_touch_its_neighbours
        steps_of_one_job_apply_in_input_order
        no_steps_is_no_answers
        follow_ups_come_in_the_same_commit
        a_stale_step_brings_no_follow_ups
        progress_is_seen_and_leaves_the_revision_alone
        progress_after_the_ending_is_stale
        progress_never_falls_by_what_was_decided_before_it
        rule_15_cancel_against_complete_has_one_winner_and_the_loser_is_told
        a_finished_job_is_brought_back_by_a_retry
        a_finished_job_is_brought_back_after_a_restart
        a_dead_letter_is_discarded
        a_retry_and_a_discard_of_one_letter_have_one_winner
        moments_of_our_time_are_moments_like_others
    }
    overdue {
        rule_05_a_lease_that_ran_out_is_found
        rule_05_a_renewed_lease_is_not_found
        rule_05_a_lease_that_was_renewed_after_the_look_is_not_taken_back
        a_lease_never_ends_sooner_by_what_was_decided_before_its_renewal
        an_ended_run_has_no_lease
        a_run_without_a_lease_is_never_overdue
        a_job_past_its_expiry_is_found_and_ended
        an_expired_job_is_found_after_somebody_tried_to_claim_it
        a_job_that_started_in_time_or_was_cancelled_does_not_expire
        rule_27_no_more_are_answered_than_asked_for
    }
    list {
        every_filter_alone_names_what_it_says
        mixed_filters_sorts_and_offsets_agree_with_the_reference
        rule_32_cursor_pages_are_complete_and_without_duplicates
        rule_32_what_comes_and_ends_meanwhile_does_not_shift_a_cursor
        a_page_past_the_end_is_empty_and_knows_the_total
        a_job_is_listed_once_whatever_happened_to_it
        the_whole_id_of_a_job_names_it_alone
    }
    counts {
        rule_28_what_is_kept_is_what_is_there
        the_oldest_ready_job_is_known
        a_job_whose_time_has_not_come_stands_so
        a_job_stands_behind_those_that_go_first
        a_paused_subtype_is_the_reason
        a_taken_concurrency_key_is_the_reason_and_says_by_whom
        a_job_that_does_not_wait_says_so
    }
    locks {
        a_free_lock_is_granted_and_shown
        a_held_lock_is_refused_and_says_by_whom
        its_owner_renews_it_and_keeps_the_token
        a_new_grant_is_not_shared_with_its_own_owner
        only_the_grant_that_is_named_is_renewed
        a_term_that_is_over_binds_nobody
        rule_01_only_its_holder_gives_it_up
        rule_02_tokens_grow_across_release_expiry_and_pruning
        rule_02_tokens_grow_across_restarts
        rule_13_many_at_once_have_one_winner
        an_effect_takes_hold_even_if_nobody_waits_for_it
        rule_26_there_are_no_more_than_may_be
        rule_27_what_is_over_is_forgotten_in_chunks
        a_client_keeps_its_lock_across_a_restart
        nothing_is_granted_after_the_close
    }
    states {
        what_was_put_is_there_until_its_end
        a_revision_never_comes_back
        an_unmet_expectation_changes_nothing
        rule_13_of_many_at_once_one_writes
        what_is_deleted_is_gone
        rule_26_there_is_no_more_than_may_be
        rule_27_what_is_over_is_forgotten_in_chunks
        it_survives_a_restart
        nothing_is_kept_after_the_close
    }
    alerts {
        a_new_store_watches_failures_and_forgets_that_when_told
        a_rule_is_kept_as_it_was_given
        an_unmet_expectation_changes_no_rule
        rule_26_there_are_no_more_rules_than_may_be
        an_alert_fires_once_and_clears_once
        rule_13_of_many_evaluators_one_fires_and_one_clears
        steps_of_one_batch_follow_each_other
        what_fires_still_fires_after_a_restart
        a_list_of_alerts_names_what_its_filter_says
        rule_26_no_more_fire_than_may_be
        rule_27_cleared_alerts_are_forgotten_in_chunks
        what_runs_for_long_is_found
        a_queue_stands_as_it_is
        schedules_that_fail_or_are_silent_are_found
        endpoints_that_are_off_are_found
        no_alert_is_kept_after_the_close
    }
    keys {
        a_key_is_there_as_it_was_made
        alerts_and_keys_are_told
        what_was_told_here_shows_at_once
        rule_13_no_two_keys_have_one_secret
        what_was_taken_back_stays_so
        the_last_use_never_goes_back
        rule_26_there_are_no_more_keys_than_may_be
        no_key_comes_after_the_close
    }
    activity {
        rule_28_what_ended_is_kept_by_the_minute
        a_minute_begins_with_the_minute_of_utc
        a_try_that_is_given_back_has_not_gone_wrong
        what_is_older_than_its_window_is_added_up
        the_next_jobs_come_by_urgency_and_then_by_their_time
    }
    upkeep {
        a_paused_subtype_is_not_handed_out
        a_pause_leaves_running_jobs_and_other_subtypes_alone
        a_pause_survives_a_restart
        a_log_keeps_its_order_and_its_job
        a_log_outlives_its_run_and_a_restart
        rule_26_a_log_is_bounded_and_forgets_the_oldest
        rule_27_jobs_that_ended_long_ago_are_forgotten_oldest_first
        failed_jobs_wait_longer
        jobs_that_live_are_never_forgotten
        a_forgotten_job_leaves_no_trace
        stored_results_that_nothing_refers_to_are_named
        rule_32_a_number_is_never_given_twice
        a_store_says_what_it_is_and_that_it_is_well
        nothing_is_accepted_after_the_close
        the_ends_of_time_are_moments_like_others
    }
    safekeeping {
        a_store_with_nothing_on_disk_says_so
        nothing_is_copied_after_the_close
    }
    roll {
        rule_28_what_is_kept_of_all_is_what_is_there
    }
    calendar {
        rule_08_a_list_shows_what_was_acknowledged_before
    }
    schedules {
        an_accepted_schedule_is_there_as_it_was_asked_for
        rule_13_many_at_once_ask_for_one_name_and_one_gets_it
        rule_21_a_firing_moves_on_and_brings_its_jobs_in_one_step
        rule_21_of_two_schedulers_one_fires_a_tick
        a_stale_step_changes_nothing_and_shows_how_it_is
        steps_that_follow_each_other_apply_together
        jobs_that_it_stops_are_asked_in_the_same_step
        new_terms_take_a_free_name_and_no_other
        a_removed_schedule_frees_its_name_and_leaves_its_jobs
        a_removal_that_was_decided_on_another_revision_changes_nothing
        due_ones_come_longest_due_first_with_their_live_jobs
        the_next_due_follows_every_change
        endings_are_summed_once_and_with_the_commit_that_ended
        those_that_a_fast_clock_planned_are_found
        a_list_names_what_its_filter_says
        executions_are_the_jobs_that_any_schedule_made
        nothing_is_planned_after_the_close
    }
}

// It knows the macro that stands before it.
mod some;
