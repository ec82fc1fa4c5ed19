//! The contracts of the storage ports hold for the plainest stores, also behind the decorator that
//! injects faults, and each finds every way of breaking it that we thought of.

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;
use registry_core::{
    ports::{ContentStore, RecordStore},
    testing::Harness,
};

use crate::plain::{Flaw, PlainContents, PlainRecords};

/// Stores that a new process finds as they were left, unless a flaw forgets.
#[derive(Default)]
struct Plain {
    contents: PlainContents,
    records: PlainRecords,
    flaw: Option<Flaw>,
}

impl Plain {
    fn flawed(flaw: Flaw) -> Self {
        Self {
            contents: PlainContents::flawed(flaw),
            records: PlainRecords::flawed(flaw),
            flaw: Some(flaw),
        }
    }
}

#[async_trait]
impl Harness<dyn ContentStore> for Plain {
    async fn open(&self) -> Arc<dyn ContentStore> {
        match self.flaw {
            Some(Flaw::Forgets) => Arc::new(PlainContents::default()),
            _ => Arc::new(self.contents.clone()),
        }
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        futures::executor::block_on(clause);
    }
}

#[async_trait]
impl Harness<dyn RecordStore> for Plain {
    async fn open(&self) -> Arc<dyn RecordStore> {
        match self.flaw {
            Some(Flaw::Forgets) => Arc::new(PlainRecords::default()),
            _ => Arc::new(self.records.clone()),
        }
    }

    fn run(&self, clause: Pin<Box<dyn Future<Output = ()> + '_>>) {
        futures::executor::block_on(clause);
    }
}

mod contents {
    registry_core::content_store_contract!(super::Plain::default());
}

mod records {
    registry_core::record_store_contract!(super::Plain::default());
}

mod behind_the_fault_injector {
    use registry_core::testing::FaultyHarness;

    mod contents {
        registry_core::content_store_contract!(
            super::FaultyHarness(super::super::Plain::default())
        );
    }

    mod records {
        registry_core::record_store_contract!(super::FaultyHarness(super::super::Plain::default()));
    }
}

/// A clause that cannot fail would say nothing: each of these panics on a store with the flaw.
mod a_clause_finds_a_store_that {
    use registry_core::testing::{check, check_restarts, content_store, record_store};

    use super::{Flaw, Plain};

    macro_rules! finds {
        ($($flaw:ident $name:ident: $check:ident $port:ident::$group:ident::$clause:ident;)*) => {
            $(
                #[test]
                #[should_panic]
                fn $name() {
                    $check(&Plain::flawed(Flaw::$flaw), $port::$group::$clause);
                }
            )*
        };
    }

    finds! {
        NoExclusion lets_two_write_one_content:
            check content_store::writing::a_second_writer_is_refused_at_once;
        NoExclusion lets_all_racers_write:
            check content_store::writing::one_of_many_racing_writers_gets_the_content;
        DeletesWhileWriting deletes_while_writing:
            check content_store::deleting::a_content_that_is_being_written_is_not_deleted;
        KeepsTail keeps_what_lies_beyond_the_checkpoint:
            check content_store::resuming::what_lies_beyond_the_last_checkpoint_is_cut_when_a_writer_is_dropped;
        KeepsTail keeps_what_lies_beyond_an_older_checkpoint:
            check content_store::resuming::what_lies_beyond_an_older_checkpoint_is_cut_when_it_is_written_there;
        CutsWhenOpened cuts_before_something_is_written:
            check content_store::resuming::what_lies_beyond_an_older_checkpoint_stays_until_something_is_written_there;
        KeepsTail keeps_what_the_process_before_wrote_beyond:
            check_restarts content_store::restarting::what_the_process_before_wrote_beyond_its_checkpoint_is_cut;
        SealsTail seals_beyond_the_checkpoint:
            check content_store::sealing::sealing_cuts_to_the_last_checkpoint;
        ReopensSealed opens_a_sealed_content_elsewhere:
            check content_store::sealing::a_sealed_content_opens_at_no_other_checkpoint;
        ReopensSealed writes_to_a_sealed_content:
            check content_store::sealing::nothing_changes_a_sealed_content;
        ReadsUnsealed reads_what_is_not_sealed:
            check content_store::reading::what_is_not_sealed_reads_as_none_unless_the_limits_say_otherwise;
        ClampsRanges cuts_ranges_to_the_content:
            check content_store::reading::a_range_beyond_the_content_is_corrupt;
        RevivesContents makes_a_deleted_content_anew:
            check content_store::resuming::an_absent_content_opens_only_at_the_start;
        DeletesAlways says_that_it_deleted_what_was_absent:
            check content_store::deleting::deleting_what_is_absent_says_so;
        ListsFrom lists_the_id_that_it_starts_after:
            check content_store::listing::a_listing_starts_after_any_id;
        ListsFrom lists_the_key_that_it_starts_after:
            check record_store::listing::a_listing_starts_after_any_text;
        ListsSealedOnly hides_half_written_contents:
            check content_store::listing::what_is_not_sealed_is_listed_and_marked;
        VersionsByContent gives_an_old_version_again:
            check record_store::swapping::a_record_that_says_the_same_again_has_another_version;
        PutsBlindly creates_twice:
            check record_store::swapping::a_record_is_created_once;
        PutsBlindly swaps_without_comparing:
            check record_store::swapping::a_swap_at_another_version_changes_nothing;
        PutsBlindly lets_all_racers_create:
            check record_store::racing::one_of_many_racing_creators_wins;
        PutsBlindly lets_all_racers_swap:
            check record_store::racing::one_of_many_racing_swaps_wins;
        DeletesBlindly deletes_without_comparing:
            check record_store::swapping::a_deletion_at_another_version_changes_nothing;
        DeletesBlindly lets_a_swap_and_a_deletion_both_win:
            check record_store::racing::a_swap_and_a_deletion_that_race_do_not_both_win;
        ListsByComponent lists_in_another_order:
            check record_store::listing::keys_are_listed_in_byte_order;
        ListsNeighbours lists_keys_beside_the_prefix:
            check record_store::listing::only_keys_below_the_prefix_are_listed;
        CutsBodies cuts_bodies_at_a_nul:
            check record_store::reading::a_body_is_kept_byte_for_byte;
        FoldsCase takes_two_keys_for_one:
            check record_store::reading::keys_that_differ_only_in_case_are_two;
        StaysUnchanged hides_a_change:
            check record_store::reading::a_known_version_spares_the_bytes_and_never_hides_a_change;
        Forgets forgets_contents:
            check_restarts content_store::restarting::a_sealed_content_outlives_the_process;
        Forgets forgets_checkpoints:
            check_restarts content_store::restarting::a_writer_goes_on_at_a_checkpoint_of_the_process_before;
        Forgets forgets_records:
            check_restarts record_store::restarting::records_outlive_the_process;
    }
}
