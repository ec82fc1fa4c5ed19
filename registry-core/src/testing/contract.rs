//! From clauses to named tests.

use super::Harness;

/// Runs a clause on a fresh store.
pub fn check<P: ?Sized + Send + Sync>(harness: &impl Harness<P>, clause: impl AsyncFnOnce(&P)) {
    harness.run(Box::pin(async {
        let store = harness.open().await;
        clause(&store).await;
    }));
}

/// Runs a clause that closes a store and opens it again.
pub fn check_restarts<P: ?Sized + Send + Sync>(
    harness: &impl Harness<P>,
    clause: impl AsyncFnOnce(&dyn Harness<P>),
) {
    harness.run(Box::pin(clause(harness)));
}

/// Makes every clause of [`ContentStore`](crate::ports::ContentStore)'s contract a test.
///
/// It takes an expression that makes a [`Harness`] for `dyn ContentStore`; each test evaluates it
/// anew. Put it into a module of its own.
#[macro_export]
macro_rules! content_store_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness, content_store::writing, check:
            what_was_written_and_sealed_is_read_back,
            buffers_are_appended_in_their_order,
            a_write_takes_any_number_of_buffers_of_any_size,
            a_checkpoint_says_how_many_bytes_are_written,
            a_checkpoint_without_new_bytes_stays_where_it_was,
            contents_written_at_the_same_time_do_not_mix,
            a_second_writer_is_refused_at_once,
            one_of_many_racing_writers_gets_the_content,
            a_dropped_writer_leaves_the_content_to_the_next,
        }
        $crate::contract_tests! { $harness, content_store::resuming, check:
            a_writer_goes_on_at_a_checkpoint,
            what_lies_beyond_the_last_checkpoint_is_cut_when_a_writer_is_dropped,
            what_lies_beyond_an_older_checkpoint_is_cut_when_it_is_written_there,
            what_lies_beyond_an_older_checkpoint_stays_until_something_is_written_there,
            a_content_opened_at_the_start_is_written_anew,
            a_dropped_write_leaves_the_content_at_its_checkpoint,
            a_dropped_checkpoint_leaves_the_one_before_good,
            a_dropped_open_leaves_the_content_to_the_next,
            an_absent_content_opens_only_at_the_start,
        }
        $crate::contract_tests! { $harness, content_store::sealing, check:
            a_content_of_no_bytes_can_be_sealed,
            sealing_cuts_to_the_last_checkpoint,
            sealing_what_was_never_checkpointed_keeps_nothing,
            sealing_twice_does_nothing,
            a_sealed_content_opens_where_it_was_sealed_and_seals_again,
            a_sealed_content_opens_at_no_other_checkpoint,
            nothing_changes_a_sealed_content,
            a_sealed_content_is_read_while_it_is_sealed_again,
            a_dropped_seal_can_be_sealed_again,
        }
        $crate::contract_tests! { $harness, content_store::reading, check:
            what_is_absent_reads_as_none,
            what_is_not_sealed_reads_as_none_unless_the_limits_say_otherwise,
            every_edge_of_a_content_can_be_read,
            a_range_beyond_the_content_is_corrupt,
            a_content_is_read_by_many_at_the_same_time,
            an_address_is_given_only_where_the_limits_say_so,
        }
        $crate::contract_tests! { $harness, content_store::deleting, check:
            deleting_a_sealed_content_says_that_it_was_there,
            deleting_a_half_written_content_says_that_it_was_there,
            deleting_what_is_absent_says_so,
            a_content_that_is_being_written_is_not_deleted,
            a_deleted_content_is_not_found_again,
            deleting_one_content_leaves_the_others,
            a_dropped_delete_can_be_deleted_again,
        }
        $crate::contract_tests! { $harness, content_store::listing, check:
            an_empty_store_lists_nothing,
            contents_are_listed_in_the_order_of_their_ids,
            what_is_not_sealed_is_listed_and_marked,
            a_listing_starts_after_any_id,
            what_is_there_throughout_a_listing_is_listed_once,
        }
        $crate::contract_tests! { $harness, content_store::restarting, check_restarts:
            a_sealed_content_outlives_the_process,
            a_writer_goes_on_at_a_checkpoint_of_the_process_before,
            what_the_process_before_wrote_beyond_its_checkpoint_is_cut,
            a_content_sealed_by_the_process_before_is_sealed_again,
            a_half_written_content_of_the_process_before_is_listed_and_deleted,
        }
    };
}

/// Makes every clause of [`RecordStore`](crate::ports::RecordStore)'s contract a test.
///
/// It takes an expression that makes a [`Harness`] for `dyn RecordStore`; each test evaluates it
/// anew. Put it into a module of its own.
#[macro_export]
macro_rules! record_store_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness, record_store::reading, check:
            what_was_put_is_read_back,
            an_absent_key_is_no_error,
            a_known_version_spares_the_bytes_and_never_hides_a_change,
            a_body_is_kept_byte_for_byte,
            the_largest_record_is_kept,
            the_longest_key_is_kept,
            a_key_may_be_the_beginning_of_another,
            keys_that_differ_only_in_case_are_two,
        }
        $crate::contract_tests! { $harness, record_store::swapping, check:
            a_record_is_created_once,
            a_record_is_swapped_at_its_version,
            a_swap_at_another_version_changes_nothing,
            a_swap_of_an_absent_record_conflicts,
            a_record_is_deleted_at_its_version,
            a_deletion_at_another_version_changes_nothing,
            deleting_an_absent_record_conflicts,
            a_deleted_record_can_be_created_again,
            a_record_that_says_the_same_again_has_another_version,
        }
        $crate::contract_tests! { $harness, record_store::racing, check:
            one_of_many_racing_creators_wins,
            one_of_many_racing_swaps_wins,
            a_swap_and_a_deletion_that_race_do_not_both_win,
            no_increment_is_lost,
            what_a_mutation_returned_is_seen_by_the_next_read,
            a_dropped_put_leaves_the_record_before_or_after,
            a_dropped_deletion_leaves_the_record_before_or_after,
        }
        $crate::contract_tests! { $harness, record_store::listing, check:
            an_empty_range_lists_nothing,
            keys_are_listed_in_byte_order,
            only_keys_below_the_prefix_are_listed,
            keys_of_every_kind_are_listed_below_each_of_their_prefixes,
            a_listing_starts_after_any_text,
            a_limit_is_a_hint_that_leaves_no_gap,
            a_listed_record_is_what_a_read_finds,
            a_deleted_record_is_not_listed,
            what_is_there_throughout_a_listing_is_listed_once,
        }
        $crate::contract_tests! { $harness, record_store::restarting, check_restarts:
            records_outlive_the_process,
            a_version_of_the_process_before_swaps_nothing_newer,
            a_deletion_outlives_the_process,
        }
    };
}

/// One test a clause.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($harness:expr, $port:ident::$group:ident, $check:ident: $($clause:ident,)*) => {
        $(
            #[test]
            fn $clause() {
                $crate::testing::$check(&$harness, $crate::testing::$port::$group::$clause);
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    /// The text of this file and of every clause.
    const LISTS: &str = include_str!("contract.rs");
    const GROUPS: [&str; 12] = [
        include_str!("content_store/writing.rs"),
        include_str!("content_store/resuming.rs"),
        include_str!("content_store/sealing.rs"),
        include_str!("content_store/reading.rs"),
        include_str!("content_store/deleting.rs"),
        include_str!("content_store/listing.rs"),
        include_str!("content_store/restarting.rs"),
        include_str!("record_store/reading.rs"),
        include_str!("record_store/swapping.rs"),
        include_str!("record_store/racing.rs"),
        include_str!("record_store/listing.rs"),
        include_str!("record_store/restarting.rs"),
    ];

    #[test]
    fn every_clause_is_made_a_test() {
        let clause = |line: &'static str| line.strip_prefix("pub async fn ")?.split('(').next();
        let clauses: Vec<_> =
            GROUPS.iter().flat_map(|text| text.lines()).filter_map(clause).collect();
        assert!(!clauses.is_empty());
        for clause in &clauses {
            let listed = LISTS.matches(&format!("            {clause},\n")).count();
            assert_eq!(listed, clauses.iter().filter(|other| *other == clause).count(), "{clause}");
        }
    }
}
