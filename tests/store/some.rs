//! Clauses that some engines have, or that all have in a way of their own: what is on disk, what keeps workers, what tells events.

clauses! {
    disk Sqlite {
        safekeeping {
            a_copy_opens_as_a_store_with_everything_that_was_there
            the_queue_goes_on_and_what_comes_meanwhile_is_not_in_the_copy
            rule_08_what_was_acknowledged_before_is_in_a_copy_taken_under_load
            a_copy_that_is_stopped_leaves_nothing
            a_file_that_exists_is_left_alone_and_a_half_one_is_not_taken_for_a_whole
            a_check_says_what_is_wrong
        }
    }
}

/// What keeps the workers of other processes, on the engines that do.
macro_rules! roster_clauses {
    ($($module:ident $engine:ident)*) => {
        $(clauses! { $module $engine {
            roster {
                a_worker_is_there_as_it_came_until_it_leaves
                what_a_worker_holds_is_known_and_stays_its_own_when_it_leaves
                a_subtype_that_any_worker_ever_did_is_known_for_good
                workers_and_leases_survive_a_restart
                a_lease_ends_with_the_time_that_its_try_may_take
                rule_26_there_are_no_more_workers_than_may_be
                rule_27_silent_workers_are_forgotten_in_chunks
                rule_03_a_claim_under_a_lease_is_durable_when_it_is_answered
                fleeting_steps_on_one_base_keep_what_the_other_brought
                no_worker_comes_after_the_close
            }
        } })*
    };
}

roster_clauses!(memory_workers Memory sqlite_workers Sqlite);
#[cfg(feature = "encryption")]
roster_clauses!(sealed_workers Sealed);
#[cfg(all(unix, feature = "postgres"))]
roster_clauses!(postgres_workers Postgres);

/// What every event log promises.
macro_rules! event_clauses {
    ($($module:ident $engine:ident)*) => {
        $(clauses! { $module $engine {
            callbacks {
        nobody_reads_what_calls_nobody_back
        nobody_is_called_back_in_a_new_store
        only_the_end_of_a_job_calls_back
    }
    events {
                what_happens_to_a_job_is_told_in_order
                what_changes_nothing_tells_nothing
                every_ending_and_every_way_back_is_told
                follow_ups_and_those_who_asked_are_told
                schedules_and_their_ticks_are_told
                        an_application_tells_its_own_outside_of_jobs_and_in_their_commits
                an_event_is_found_by_its_id
                a_list_names_what_its_filter_says_and_walks_miss_nothing
                events_outlive_their_job_and_a_restart
                rule_27_old_events_are_forgotten_in_chunks_and_the_end_stays
                whoever_waits_hears_that_there_is_more
                a_large_commit_is_told_whole
                nothing_is_told_after_the_close
            }
        } })*
    };
}

event_clauses!(memory_events Memory sqlite_events Sqlite);
#[cfg(feature = "encryption")]
event_clauses!(sealed_events Sealed);
#[cfg(all(unix, feature = "postgres"))]
event_clauses!(postgres_events Postgres);

/// What those tell that outlive their process.
macro_rules! crash_clauses {
    ($($module:ident $engine:ident)*) => {
        $(clauses! { $module $engine {
            events {
                rule_03_a_crash_is_told
            }
        } })*
    };
}

crash_clauses!(disk_events Sqlite);
#[cfg(feature = "encryption")]
crash_clauses!(sealed_disk_events Sealed);
#[cfg(all(unix, feature = "postgres"))]
crash_clauses!(database_events Postgres);
