"""The faults that tests inject, the required result, and the tests.

`docs/assurance.md` is written from this table: `python -m tests.assurance.catalogue > docs/assurance.md`.
A test is named as pytest names it; one that is renamed or gone fails tests/assurance/test_assurance.py.
"""

import sys
from typing import Final, NamedTuple


class Fault(NamedTuple):
    """One row: its id, the fault, what must hold, and the tests."""

    id: str
    what: str
    holds: str
    tests: tuple[str, ...]


AREAS: Final = {
    "A": "Our processes",
    "B": "PostgreSQL",
    "C": "Rails",
    "D": "Time and order",
    "E": "Identity and permissions",
    "F": "Hostile input",
    "G": "Load and fairness",
    "H": "Money under concurrency",
    "I": "Evidence",
    "J": "Recovery and change",
    "L": "Secrets",
    "O": "Operations",
    "R": "Reconciliation",
}

# fmt: off
FAULTS: Final = (
    Fault("A1", "kill -9 of everything at every point between the two durable writes", "each payment ends once, in both books; `verify` finds nothing",
          ("chaos/test_kill.py::test_a_kill_of_everything_at_every_point_between_the_two_durable_writes",)),
    Fault("A2", "kill -9 of parts under load", "nothing is lost or doubled; counters only grow, and dead processes are not counted",
          ("chaos/test_kill.py::test_kills_of_parts_under_load_lose_nothing_and_double_nothing",
           "switch/operations/test_metrics.py::test_a_worker_killed_under_the_switch_leaves_counters_that_only_grow")),
    Fault("A3", "kill -9 of the group at random moments, again and again", "no acknowledged payment is lost",
          ("chaos/test_kill_rounds.py::test_kills_at_random_moments_lose_nothing_and_double_nothing",)),
    Fault("A4", "SIGSTOP, kill -9 or a full disk, for any process, longer than an order's expiry and its rail's grace period", "the switch becomes ready by itself; no payment is aborted here and credited at the rail, or the reverse; `verify` finds nothing",
          ("chaos/test_outages.py::test_after_an_outage_no_payment_is_given_away_and_the_switch_is_ready_by_itself",)),
    Fault("A5", "two writers at once", "the older one is fenced; the ledger never forks",
          ("ledger/test_writer.py::test_a_second_writer_fences_the_first",
           "ledger/test_writer.py::test_a_fenced_batch_cannot_commit_even_if_it_was_loaded_before",
           "ledger/test_concurrency.py::test_two_writers_in_turn_never_fork_the_ledger")),
    Fault("A6", "a process makes no progress, or lost the lock that makes it the only one", "it is replaced, and the reason is logged once",
          ("switch/processes/test_processes.py::test_a_process_without_progress_is_replaced",
           "switch/processes/test_processes.py::test_a_lost_session_of_the_lock_begins_the_end",
           "switch/processes/test_processes.py::test_a_silent_session_of_the_lock_begins_the_end",
           "switch/processes/test_processes.py::test_a_process_that_swallows_its_end_is_ended_by_the_kernel",
           "switch/processes/test_processes.py::test_a_reason_is_reported_once_and_not_at_every_restart")),
    Fault("A7", "a disk fills under mapped counters or logs", "counters and log lines may be lost, but no process ends",
          ("switch/operations/test_metrics.py::test_a_disk_that_fills_under_mapped_counters_kills_no_worker",
           "switch/operations/test_metrics.py::test_a_log_on_a_full_disk_stops_nobody")),
    Fault("A8", "scheduled work runs twice, or in two processes", "it takes effect once",
          ("switch/settlement/test_settlement_day.py::test_two_processes_that_open_one_settlement_carry_once",
           "switch/settlement/test_settlement_delivery.py::test_two_caretakers_at_once_hand_it_over_once",
           "switch/approvals/test_approvals.py::test_a_second_execution_of_what_has_ended_does_nothing")),
    Fault("B3", "the data's disk is full", "new payments are refused, nothing is posted in part, and processing continues when space is free",
          ("ledger/test_disk_full.py::test_a_full_disk_refuses_and_loses_nothing",)),
    Fault("B4", "the write-ahead log's disk is full", "the server stops; nothing acknowledged is lost",
          ("ledger/test_disk_full.py::test_a_full_disk_of_the_log_stops_the_server_and_loses_nothing",)),
    Fault("B5", "a backend hangs while its server is killed", "the next start ends it and recovers",
          ("ledger/test_postgres.py::test_a_backend_that_hangs_while_its_server_is_killed_does_not_stop_the_next_start",)),
    Fault("B6", "packets of a database connection are dropped", "detected within about ten seconds, with or without a running statement",
          ("ledger/test_silence.py::test_a_statement_over_a_dead_cable_fails_within_seconds",
           "ledger/test_silence.py::test_a_connection_that_only_waits_learns_of_a_dead_cable")),
    Fault("B7", "the reply to a commit is lost", "the outcome is determined by ids, never guessed, and nothing is done twice",
          ("ledger/test_writer.py::test_an_unknown_commit_outcome_is_found_out",
           "ledger/test_pipeline.py::test_a_commit_whose_answer_is_lost_is_found_out_with_a_batch_decided_ahead")),
    Fault("B8", "the connection breaks, or the database is down", "commands in flight are decided again in order; new ones get 503",
          ("ledger/test_writer.py::test_a_lost_connection_is_taken_up_again",
           "ledger/test_writer.py::test_the_database_that_comes_back_is_taken_up_after_refusals")),
    Fault("B9", "the database refuses a batch, once or for good", "all of it is written or nothing; every part of the writer's memory matches the database",
          ("switch/writer/test_parts.py::test_a_batch_that_the_database_refuses_leaves_nothing",
           "switch/writer/test_parts.py::test_a_batch_that_the_database_refuses_once_is_written_once",
           "switch/writer/test_parts.py::test_a_batch_ahead_of_one_that_is_refused_goes_with_it")),
    Fault("B10", "the machine of the primary is killed, cut off from the others, or paused, under payments", "the synchronous standby takes over; every payment in the client's file is there once; the old primary commits nothing and rejoins as a standby",
          ("cluster/test_failover.py::test_no_acknowledged_payment_is_lost_when_a_database_machine_fails",)),
    Fault("B11", "a failover by hand, by the commands of the manual", "nothing acknowledged is lost; what only the old primary had is removed",
          ("cluster/test_by_hand.py::test_the_manual_failover_loses_nothing_that_was_acknowledged",)),
    Fault("B12", "no standby confirms a commit, for longer than the writer waits", "the commit is neither acknowledged nor shown to any reader; without a required standby nothing is accepted",
          ("ledger/test_synchronous.py::test_a_commit_that_the_standby_has_not_confirmed_is_not_shown_after_the_writer_lost_patience",
           "ledger/test_synchronous.py::test_a_writer_that_requires_a_standby_does_not_start_without_one",
           "ledger/test_synchronous.py::test_a_writer_that_requires_a_standby_refuses_while_none_is_waited_for_and_goes_on_with_one")),
    Fault("B13", "the replica of reports is behind, or away", "reports of periods that it does not have are read from the primary; settlement always is",
          ("switch/reports/test_source.py::test_a_replica_that_lacks_events_is_not_read",
           "switch/reports/test_source.py::test_without_the_replica_the_primary_gives_the_report",
           "switch/reports/test_source.py::test_nothing_that_settles_may_come_from_a_replica")),
    Fault("C1", "a rail's connection is cut during an exchange, or its answer is unreadable, missing, or about another order", "the outcome is unknown, never refused; the money stays held; the payment is credited once",
          ("switch/payments/test_magic.py::test_every_magic_word_ends_on_every_rail_as_its_table_defines",
           "switch/payments/test_magic.py::test_money_stays_held_while_an_outcome_is_unknown",
           "switch/payments/test_dispatch.py::test_only_a_clear_answer_is_final")),
    Fault("C4", "a rail is down", "new payments to it are refused, others continue, an alert fires and ends",
          ("switch/payments/test_breaker.py::test_after_many_silences_new_payments_are_turned_away_and_one_is_let_through_to_see",
           "switch/operations/test_prometheus.py::test_a_real_prometheus_watches_and_an_alert_fires_while_a_rail_is_dead")),
    Fault("C6", "a rail contradicts its own answer", "nothing is changed silently; operators are notified",
          ("switch/writer/test_payment_pipeline.py::test_a_contradiction_in_a_batch_that_failed_is_written_down_all_the_same",
           "switch/processes/test_outages.py::test_what_a_rail_did_after_its_refusal_is_a_break_and_no_agreement",
           "switch/processes/test_outages.py::test_money_that_a_rail_gives_back_after_it_was_posted_has_an_owner_and_an_end")),
    Fault("C7", '"not found" too early, after any outage of any part', "accepted only several times, a grace period apart, without interruption of the connection: no payment is aborted here and credited at the rail",
          ("switch/writer/test_absence.py::test_what_the_rail_credited_is_never_aborted_here",
           "switch/processes/test_outages.py::test_a_stopped_caretaker_gives_no_money_away",
           "switch/payments/test_magic.py::test_an_order_that_its_rail_lost_ends_as_refused_after_several_not_found")),
    Fault("C8", "a rail is down for longer than its enquiries last", "no enquiry is used up; enquiries are repeated as soon as the rail answers; a resend gets the payment's status meanwhile",
          ("switch/processes/test_outages.py::test_an_outage_of_a_rail_uses_up_no_enquiry_and_ends_with_an_answer",
           "switch/processes/test_outages.py::test_a_repeat_has_its_payments_state_while_its_rail_is_away")),
    Fault("D3", "post and void at the same instant", "exactly one takes effect",
          ("ledger/test_concurrency.py::test_post_and_void_at_once_one_wins",)),
    Fault("D5", "holidays, moved working days, cut-offs in the time zone", "a window closes at the first cut-off, and is settled on a business day",
          ("switch/base/test_calendars.py::test_a_window_closes_at_the_first_cut_off_after_it_opened",
           "switch/base/test_calendars.py::test_what_closes_on_a_holiday_is_settled_on_the_next_business_day")),
    Fault("D6", "a window closes under load", "each entry is in exactly one window; nets sum to zero",
          ("switch/payments/test_payments.py::test_a_window_closes_at_once_and_its_nets_sum_to_zero",
           "ledger/test_writer.py::test_a_window_closes_between_two_postings_of_one_batch")),
    Fault("E1", "forged, changed, expired, replayed or missing signatures", "401, and no information why a key is unknown",
          ("signing/test_http_signatures.py::test_a_forgery_is_refused",
           "signing/test_http_signatures.py::test_every_byte_of_a_signature_counts",
           "signing/test_http_signatures.py::test_the_bounds_of_time_are_inclusive")),
    Fault("E5", "keys rotated, retired, revoked", "only signatures by a key in force are accepted",
          ("switch/participants/test_participants.py::test_keys_overlap_retire_and_are_revoked",
           "switch/participants/test_participants.py::test_a_key_of_tomorrow_is_not_in_force_today")),
    Fault("E7", "one participant acts as another, or reads another's data", "refused, and the response does not show that the data exists",
          ("switch/payments/test_payments.py::test_a_participant_cannot_pay_for_another",
           "switch/payments/test_payments.py::test_a_participant_sees_its_own_payments_only",
           "switch/identity/test_people_api.py::test_nobody_reads_the_data_of_another")),
    Fault("E8", "a participant is suspended with payments in flight", "those reach their end; new ones are refused",
          ("switch/payments/test_payments.py::test_a_suspended_participant_is_refused_and_its_payments_in_flight_end",)),
    Fault("E9", "a route without a permission check; one person where two are required", "denied by default, also by the database",
          ("switch/identity/test_people_api.py::test_every_route_authenticates_its_caller",
           "switch/approvals/test_approvals.py::test_nobody_agrees_to_their_own_request_whatever_their_role",
           "switch/approvals/test_approvals.py::test_the_tables_themselves_refuse_a_maker_who_votes")),
    Fault("E12", "a webhook's address resolves to our own network", "refused at registration and at delivery",
          ("switch/webhooks/test_events_and_webhooks.py::test_outside_a_sandbox_an_address_is_https_and_of_the_open_network",
           "switch/webhooks/test_events_and_webhooks.py::test_a_name_that_leads_into_our_own_network_is_not_called")),
    Fault("F1", "hostile JSON and XML", "a clear 4xx that repeats no input; never 5xx",
          ("switch/api/test_boundary.py::test_hostile_json_is_a_clear_problem",
           "switch/api/test_boundary.py::test_hostile_xml_is_a_clear_problem",
           "schemas/test_attacks.py::test_an_error_never_repeats_what_was_sent")),
    Fault("F2", "endless bodies and headers", "cut off; memory is bounded",
          ("switch/api/test_boundary.py::test_a_header_without_end_is_cut_off",
           "switch/api/test_boundary.py::test_a_body_without_end_is_cut_off_at_the_limit")),
    Fault("F7", "arbitrary bytes", "either a message or a refusal",
          ("schemas/test_fuzz.py::test_any_bytes_give_a_message_or_a_refusal",
           "signing/test_http_signatures.py::test_no_bytes_raise_anything_but_not_authentic")),
    Fault("G1", "one participant sends too many requests", "429 for that participant only, over all workers",
          ("switch/api/test_rate_limits.py::test_workers_share_a_limit_that_refills_with_time",)),
    Fault("G7", "more commands than can be decided", "refused at intake, and nothing is lost",
          ("ledger/test_writer.py::test_a_full_queue_refuses_and_loses_nothing",
           "ledger/test_pipeline.py::test_the_queue_is_bounded_by_bytes_and_frees_them_with_the_answer")),
    Fault("H1", "64 simultaneous payments at the limit of a cap", "exactly the cap is used",
          ("ledger/test_concurrency.py::test_64_tasks_at_the_edge_of_a_cap_are_granted_exactly_the_cap",
           "switch/payments/test_payments.py::test_64_concurrent_payments_at_the_edge_of_a_cap_grant_exactly_the_cap")),
    Fault("H2", "many transfers in both directions while auditors read", "every reader sees a constant total",
          ("ledger/test_concurrency.py::test_storms_both_ways_with_retries_and_auditors",)),
    Fault("H4", "the same payment a hundred times, or with other content", "money moves once; other content changes nothing",
          ("switch/payments/test_payments.py::test_the_same_payment_posted_100_times_at_once_moves_money_once",
           "switch/payments/test_payments.py::test_other_content_under_a_known_uetr_changes_nothing_also_at_the_same_instant")),
    Fault("H5", "the same payment with a new UETR, in one worker after the other or in all at once", "paid once; the others are refused as duplicates, by id or as look-alikes",
          ("switch/writer/test_duplicates.py::test_ids_that_were_used_are_refused_under_a_new_uetr",
           "switch/writer/test_duplicates.py::test_of_many_at_once_under_one_message_id_one_is_paid")),
    Fault("H6", "a payment states a deadline, a date, a rate, an amount or an agent that cannot be honoured", "refused with its path before money is held; no stated element is lost",
          ("switch/payments/test_stated.py::test_what_would_not_be_done_is_refused_with_its_path",
           "adapters/test_elements.py::test_an_element_is_treated_as_the_table_defines",
           "adapters/test_elements.py::test_what_a_rail_carries_is_in_its_bytes")),
    Fault("H7", "history changed by SQL", "no process's role can do it; a change by a superuser is detected",
          ("ledger/test_privileges.py::test_the_writer_cannot_change_history",
           "switch/base/test_roles.py::test_no_process_may_do_what_it_must_not",
           "ledger/test_verify.py::test_tampering_is_named",
           "ledger/test_verify.py::test_an_incremental_verification_finds_what_a_full_one_finds")),
    Fault("H8", "a balance changed without the writer while payments run", "the books freeze, payments in flight reach their end, two people end the freeze",
          ("switch/operations/test_invariants.py::test_the_caretaker_sees_a_balance_changed_by_hand_and_the_switch_takes_no_new_payment",
           "switch/operations/test_invariants.py::test_a_changed_balance_freezes_and_only_right_books_are_unfrozen",
           "switch/operations/test_invariants.py::test_payments_in_flight_end_and_known_outcomes_are_reported_while_frozen")),
    Fault("I1", "events flipped, deleted, reordered, cut off; checkpoints and notes forged", "the offline verifier reports it",
          ("ledger/test_audit.py::test_every_forgery_is_named",
           "ledger/test_audit.py::test_a_note_needs_a_known_key_and_every_byte")),
    Fault("I3", "a report or an instruction with a changed byte", "detected",
          ("switch/reports/test_live.py::test_a_changed_byte_is_found",
           "switch/settlement/test_settlement_day.py::test_a_changed_byte_of_the_instruction_is_found")),
    Fault("I4", "personal data is erased", "permanently unreadable, and every proof is still valid",
          ("switch/payments/test_personal_data.py::test_an_erased_payment_is_unreadable_provable_and_known",)),
    Fault("I5", "root of the switch rewrites an event, the tree and every checkpoint, and signs them again with the key of the log",
          "the witness refuses with both notes as evidence, `verify --witness-state` names the events, an alert calls people",
          ("switch/witness/test_rewritten_history.py::test_root_rewrites_the_log_and_the_witness_proves_it",
           "switch/witness/test_judging.py::test_a_rewritten_log_is_refused_and_both_notes_are_kept",
           "chaos/test_restore.py::test_rails_that_are_ahead_of_a_restored_database")),
    Fault("I6", "a witness is killed between signing and the disk; two submissions race", "no cosignature leaves before the checkpoint is on the disk; never two trees of one size",
          ("switch/witness/test_judging.py::test_a_witness_that_is_killed_has_never_given_away_what_it_does_not_hold",
           "switch/witness/test_judging.py::test_two_processes_never_cosign_two_trees_of_one_size")),
    Fault("J2", "restore to a point in time", "everything that was acknowledged by then is restored",
          ("ledger/test_backup.py::test_an_instant_comes_back_with_all_that_was_acknowledged_by_then",)),
    Fault("J3", "history is detached", "it can be verified, and every proof can still be made",
          ("ledger/test_partitions.py::test_detached_history_is_gone_from_the_tables_and_verifies",
           "ledger/test_partitions.py::test_every_proof_can_still_be_made")),
    Fault("J8", "exported history that differs from the ledger's counters", "nothing is written, and the account is named",
          ("switch/operations/test_export.py::test_a_file_that_differs_from_the_counters_is_never_written",)),
    Fault("J4", "an upgrade under load: old code with the new schema, new code with the old one", "no request fails while a phase is applied; each payment ends once; old code that can no longer work does not start",
          ("chaos/test_upgrade.py::test_old_code_works_with_the_new_schema_and_new_code_with_the_old_under_load",
           "switch/operations/test_upgrade.py::test_older_code_starts_with_a_later_first_phase_and_not_with_a_later_second",
           "ledger/test_migrate.py::test_a_migration_under_load_fails_no_payment_and_holds_none_up_for_long")),
    Fault("J5", "restore to an earlier instant while the rails are ahead",
          "closed until the rails' payments are known; none is sent twice, and no id is given out twice",
          ("chaos/test_restore.py::test_rails_that_are_ahead_of_a_restored_database",
           "chaos/test_restore_kinds.py::test_returned_refused_unknown_and_settled_payments_are_found_again",
           "switch/operations/test_reopen.py::test_a_file_of_an_earlier_day_does_not_open_a_rail",
           "ledger/test_high_water.py::test_a_writer_finds_that_its_database_lost_events",
           "switch/writer/test_restoring.py::test_while_closed_nothing_new_is_decided",
           "switch/writer/test_restoring.py::test_after_the_opening_a_known_uetr_is_still_not_sent_and_an_unread_rail_is_closed")),
    Fault("J10", "a restore, and then a start on another of several writer machines, whose own mark is older", "stated by a person with the last event or a published checkpoint, it starts closed; no id is given out twice",
          ("chaos/test_restore_kinds.py::test_a_machine_that_did_not_run_the_writer_last_is_told_how_far_the_log_had_reached",)),
    Fault("J9", "participants and webhooks read events while the log of a restored database is filled", "no cursor points into what is left out; a webhook whose cursor does goes on, and stops no other",
          ("switch/webhooks/test_left_out.py::test_no_cursor_is_given_out_into_a_part_that_is_still_filled",
           "switch/webhooks/test_left_out.py::test_a_webhook_whose_cursor_is_left_out_goes_on_and_stops_no_other")),
    Fault("L1", "names, accounts and keys in output", "they are in no span, no metric, no response to others",
          ("switch/operations/test_tracing.py::test_a_payment_makes_spans_of_the_callers_trace_without_personal_data",
           "switch/operations/test_prometheus.py::test_a_method_that_http_does_not_know_makes_no_series_of_its_own",
           "switch/operations/test_doctor.py::test_a_database_that_lets_nobody_in_is_named_without_its_password")),
    Fault("L5", "a process is taken over, and turns to the database", "its login is no superuser, and has only the rights of its own statements",
          ("switch/base/test_roles.py::test_api_workers_are_database_superusers",
           "switch/base/test_roles.py::test_each_process_of_a_running_switch_has_a_login_of_its_own",
           "switch/base/test_roles.py::test_no_process_has_the_database_of_another_in_its_environment",
           "switch/base/test_roles.py::test_no_process_may_do_what_it_must_not")),
    Fault("L6", "another user of the machine makes the directory of the writer's socket first", "the writer and its clients refuse it",
          ("switch/processes/test_socket_directory.py::test_socket_directory_in_tmp_taken_first",)),
    Fault("L7", "production is started over a sandbox's data, or the reverse", "the start is refused in one line",
          ("switch/cli/test_start.py::test_production_over_sandbox_data",
           "switch/cli/test_start.py::test_a_process_of_the_other_kind_does_not_start")),
    Fault("L8", "a database server with another certificate or another name", "refused (`verify-full`); with the right one, payments are made without a superuser",
          ("switch/processes/test_external_database.py::test_another_authority_or_name_is_refused",
           "switch/processes/test_external_database.py::test_a_payment_on_an_external_database")),
    Fault("L4", "keys that other users can read", "`payswitch doctor` reports them; keys are created readable by the owner only",
          ("switch/operations/test_doctor.py::test_a_key_that_others_can_read_is_named",
           "switch/payments/test_personal_data.py::test_the_key_file_is_its_owners_and_made_once")),
    Fault("O1", "an alert without a test or a runbook; a runbook whose commands do not work", "the suite fails",
          ("switch/operations/test_alerts.py::test_every_alert_is_tested_firing_and_quiet",
           "switch/operations/test_alerts.py::test_every_alert_leads_to_a_runbook",
           "switch/operations/test_runbooks.py::test_what_a_runbook_checks_by_can_be_typed")),
    Fault("O3", "a start that cannot succeed: files, keys, port, database, schema, rights", "every reason is printed at once, one line each, and the start ends",
          ("switch/cli/test_start.py::test_every_file_that_is_missing_or_broken_is_named_before_anything_is_started",
           "switch/cli/test_start.py::test_a_port_in_use_is_one_line",
           "switch/cli/test_start.py::test_a_database_that_cannot_be_is_one_line_without_its_password",
           "switch/cli/test_start.py::test_a_newer_schema_is_one_line",
           "switch/cli/test_start.py::test_one_user_for_all_processes_must_be_allowed_to_take_each_role")),
    Fault("O4", "an unreachable rail", "reported as not open, with the time since when; the switch is ready and names the rail",
          ("switch/payments/test_reach.py::test_a_rail_that_does_not_answer_is_not_open_and_the_switch_is_ready",)),
    Fault("O2", "a metric without a panel; a panel without a metric", "the suite fails",
          ("switch/operations/test_dashboards.py::test_every_metric_has_a_panel",
           "switch/operations/test_dashboards.py::test_every_panel_queries_an_existing_metric",
           "switch/operations/test_dashboards.py::test_promtool_reads_every_expression")),
    Fault("O8", "the installation of the image with a read-only root, another user, no capability and no shell; its files for compose, systemd and Kubernetes", "a payment is credited; every file is read by its program where that is installed. Not run: container engines, a cluster, filters of system calls in force",
          ("deploy/test_image.py::test_another_user_pays_with_a_read_only_root_and_without_a_shell",
           "deploy/test_image.py::test_the_image_is_built_from_the_production_lock_alone",
           "deploy/test_compose.py::test_compose_reads_the_file",
           "deploy/test_units.py::test_systemd_reads_every_unit",
           "deploy/test_chart.py::test_every_object_is_valid")),
    Fault("R1", "the rail's file and our books differ", "each difference is detected once, with its kind",
          ("switch/payments/test_reconciliation.py::test_what_is_credited_there_and_aborted_here_is_a_break_and_is_noted_once",
           "switch/payments/test_reconciliation.py::test_other_amounts_and_refusals_of_what_is_committed_are_breaks")),
    Fault("R2", "a payment with unknown outcome at the end of the day", "the file resolves it; otherwise two people do, by evidence",
          ("switch/payments/test_reconciliation.py::test_the_file_resolves_an_unknown_outcome",
           "switch/identity/test_people_api.py::test_an_unknown_outcome_is_resolved_by_two_people")),
)
# fmt: on

HEAD: Final = """\
# Failure tests and their required results

Every row is a fault that a test really causes: processes are killed, disks filled, rails disconnected, tables changed as superuser. The rows
come from [tests/assurance/catalogue.py](../tests/assurance/catalogue.py); a test checks that each named test exists. `make test` runs all of
them; `make chaos` injects faults for an hour.
"""


def page() -> str:
    """`docs/assurance.md`."""
    parts = [HEAD]
    for letter, area in AREAS.items():
        rows = [fault for fault in FAULTS if fault.id[0] == letter]
        lines = [f"| {fault.id} | {fault.what} | {fault.holds} | {_links(fault)} |" for fault in rows]
        parts.append(
            f"## {letter}. {area}\n\n| id | fault | required result | tests |\n|---|---|---|---|\n"
            + "\n".join(lines)
            + "\n"
        )
    return "\n".join(parts)


def _links(fault: Fault) -> str:
    links = []
    for test in fault.tests:
        file, _, name = test.partition("::")
        links.append(f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})")
    return "<br>".join(links)


if __name__ == "__main__":
    sys.stdout.write(page())
