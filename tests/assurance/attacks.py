"""Known ways to attack a switch, what stops each, and the tests that try it.

`docs/security/attacks.md` is written from this table: `python -m tests.assurance.attacks`.
A test is named as pytest names it; one that is renamed or gone fails tests/assurance/test_assurance.py.
"""

from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "security" / "attacks.md"


class Attack(NamedTuple):
    """One row: its id, who attacks how, what stops it, and the tests. Without tests it is not stopped."""

    id: str
    who: str
    what: str
    stopped: str
    tests: tuple[str, ...]


# fmt: off
ATTACKS: Final = (
    Attack("K1", "a stolen key of a suspended participant", "moves money by another message than a payment: a return, a request to pay, an account look-up",
           "a suspended participant starts nothing; it only reads what was decided",
           ("switch/payments/test_correspondence.py::test_a_suspended_participant_sees_what_was_decided_and_starts_nothing",)),
    Attack("K2", "a participant", "sends a signed request again, as it was or with headers that change its meaning",
           "a nonce is used once by all workers together; `Accept`, `Prefer` and `Last-Event-ID` are signed",
           ("switch/api/test_signed_requests.py::test_the_same_signed_request_is_taken_once_by_all_workers_together",
            "switch/api/test_signed_requests.py::test_a_header_that_was_added_on_the_way_is_refused")),
    Attack("K3", "a stolen key", "keeps reading the event stream that it opened before it was revoked",
           "a stream ends with the key that opened it, and when its participant is suspended or removed",
           ("switch/api/test_signed_requests.py::test_a_stream_ends_with_the_key_that_opened_it",
            "switch/api/test_signed_requests.py::test_a_stream_and_a_wait_outlive_no_suspension")),
    Attack("K4", "a stranger", "uses a signature that was made for another host",
           "the host is a setting; outside a sandbox nothing starts without it",
           ("switch/cli/test_start.py::test_a_signature_good_at_every_host",
            "switch/api/test_signed_requests.py::test_a_slash_too_many_is_answered_with_the_path_and_never_redirected")),
    Attack("M1", "two colluding banks", "return a payment much later, at its old rate, and take the difference from the provider of foreign exchange",
           "a return is bounded in time, and refused if the provider would lose by it at the rate in force; the writer checks both itself",
           ("switch/api/test_return_terms.py::test_two_banks_took_the_difference_from_the_fx_provider_by_a_late_return",
            "switch/api/test_return_terms.py::test_a_late_return_is_refused_and_one_that_was_made_in_time_is_answered_as_before",
            "switch/payments/test_signatures.py::test_a_stolen_worker_and_two_banks_returned_a_payment_at_its_old_rate",
            "switch/payments/test_signatures.py::test_two_people_return_late_and_see_what_the_provider_gains_or_loses")),
    Attack("M2", "a bank", "asks to be paid in the name of another, and takes the answer that is meant for it",
           "the creditor's agent of a request is its sender; an answer goes to the sender of the one request that it names",
           ("switch/payments/test_correspondence.py::test_a_request_to_pay_in_another_banks_name_is_refused",
            "switch/payments/test_correspondence.py::test_a_request_to_pay_that_another_participant_began_is_refused",
            "switch/payments/test_correspondence.py::test_a_message_in_another_banks_name_is_refused")),
    Attack("M3", "a bank", "quotes more than is then credited",
           "quote and payment are priced by one function, in the steps of the rail",
           ("switch/payments/test_stated.py::test_a_quote_is_what_is_credited_and_may_be_stated",
            "switch/payments/test_stated.py::test_a_quote_counts_in_the_rail_s_steps")),
    Attack("M4", "a bank", "learns whether another bank uses a UETR, or takes it before its owner",
           "a payment is identified by its sender and its UETR; the answer to the UETR of another is that to a new one",
           ("switch/api/test_own_uetr.py::test_a_bank_took_the_uetr_of_another_and_blocked_its_payment",
            "switch/api/test_own_uetr.py::test_the_answer_to_anothers_uetr_is_that_to_a_new_one",
            "switch/api/test_own_uetr.py::test_nobody_can_state_a_uetr_that_another_payment_would_have")),
    Attack("M6", "a bank", "recalls the payment of another bank, by a payment of its own that states the same UETR",
           "a recall is shown with the UETR that its receiver knows, and an answer names a payment by that UETR only",
           ("switch/api/test_own_uetr.py::test_a_bank_recalled_the_payment_of_another_by_stating_its_uetr",
            "switch/api/test_own_uetr.py::test_the_stated_uetr_of_a_recall_is_no_other_payment_for_an_answer")),
    Attack("M7", "a bank", "states the BIC of one bank with the member id of another, so that the rail pays another bank than the books",
           "the member id of an agent is one that two people registered for the participant of its BIC",
           ("switch/payments/test_member_ids.py::test_money_of_one_bank_went_to_another_by_its_member_id",
            "switch/payments/test_member_ids.py::test_another_agent_of_a_payment_has_the_member_id_of_another_bank",
            "switch/payments/test_member_ids.py::test_a_request_to_pay_names_its_creditor_agent_by_another_banks_member_id",
            "switch/payments/test_member_ids.py::test_money_of_one_bank_went_to_another_by_its_iban_or_address",
            "switch/payments/test_member_ids.py::test_the_bank_of_an_account_is_the_one_of_the_bic")),
    Attack("M5", "a bank", "collects names of account holders by thousands of look-ups",
           "a quota for each participant and each bank, an event without the account for each look-up, and an alert",
           ("switch/api/test_lookups.py::test_a_quota_is_at_one_bank_and_all_of_a_message_or_none",
            "switch/api/test_lookups.py::test_who_sends_no_payments_looks_up_no_accounts",
            "switch/api/test_doors.py::test_a_look_up_is_recorded_without_the_account_and_a_settlement_agent_makes_none")),
    Attack("A1", "a stranger", "opens thousands of connections and sends nothing, or a participant waits on thousands",
           "time-outs from the first moment, bounds for strangers, addresses and callers, and capacity that is kept for work",
           ("switch/processes/test_http_guard.py::test_a_connection_that_never_sends_a_byte_ends",
            "switch/processes/test_http_guard.py::test_strangers_of_many_addresses_have_a_bound_together",
            "switch/processes/test_http_guard.py::test_strangers_whom_api_workers_pass_on_keep_no_person_from_the_pages",
            "switch/processes/test_http_guard.py::test_of_too_many_connections_of_one_address_the_oldest_makes_room",
            "switch/processes/test_http_guard.py::test_a_caller_with_too_many_connections_loses_an_idle_one")),
    Attack("A2", "a bank", "sends one payment that makes reports and pages fail for everybody",
           "every report and page is made of payments that ended in all ways",
           ("switch/pages/test_crawl.py::test_no_page_of_a_role_fails_and_no_link_is_dead",
            "switch/pages/test_crawl.py::test_every_report_is_made_in_every_format_of_payments_that_ended_in_all_ways")),
    Attack("A3", "a stranger", "makes the switch hash passwords, at the enrolment or the sign-in, until nobody can sign in",
           "what is cheap is checked first; the queue of hashes is bounded",
           ("switch/identity/test_sign_in.py::test_a_stranger_at_the_enrolment_costs_no_hash",
            "switch/identity/test_sign_in.py::test_more_passwords_than_can_wait_are_refused_at_once")),
    Attack("A4", "a stranger", "locks operators out by wrong passwords",
           "failures delay their own source; known devices, passkeys and two consecutive codes sign in while others guess",
           ("switch/identity/test_sign_in.py::test_five_wrong_passwords_of_a_stranger_locked_a_person_out",
            "switch/identity/test_sign_in.py::test_strangers_of_many_networks_never_keep_a_person_out")),
    Attack("A5", "anybody", "finds requests that end in 500, hang, or are answered by a closed connection",
           "mutated signed requests over every operation, page and form, by a seed (`make fuzz`)",
           ("fuzz/test_fuzz.py::test_no_mutated_request_is_a_5xx_a_hang_a_reset_or_an_echo",
            "switch/api/test_hostile_bodies.py::test_a_body_that_is_no_json_of_ours_is_a_400_that_repeats_nothing",
            "switch/api/test_doors.py::test_a_recall_whose_parts_only_a_later_version_has_is_answered_in_that_version",
            "switch/api/test_bad_values.py::test_no_read_hands_a_value_to_the_database_that_it_cannot_hold")),
    Attack("A6", "a stranger", "sends large callbacks with wrong signatures in a rail's name",
           "a small limit of size, a bucket for what no rail signed, and an allow-list of the rail's networks",
           ("switch/api/test_rate_limits.py::test_callbacks_that_no_rail_signed_are_limited_by_address_and_authentic_ones_are_not",
            "switch/payments/test_callback_networks.py::test_a_callback_from_another_network_is_refused")),
    Attack("A7", "a phishing site", "asks a person for the password and the code of the second factor, and passes them on",
           "a passkey signs for one origin only; its challenge works once, and a counter that does not grow is refused",
           ("switch/identity/test_passkeys.py::test_an_assertion_that_is_wrong_in_one_thing_is_refused_and_counted",
            "switch/identity/test_passkeys.py::test_a_challenge_is_for_one_purpose_and_works_once",
            "switch/identity/test_passkeys.py::test_a_counter_that_does_not_grow_is_refused_and_recorded")),
    Attack("A8", "a thief of an open session", "adds a second factor of their own, or removes the owner's",
           "the present factor is proved again for each change, a notice tells the owner, and the last factor stays",
           ("switch/identity/test_passkeys.py::test_a_confirmation_is_for_one_change_and_for_one_session",
            "switch/identity/test_passkeys.py::test_the_last_second_factor_cannot_be_removed_by_oneself",
            "browser/test_passkeys.py::test_a_passkey_is_added_used_and_removed")),
    Attack("A9", "a stranger", "forges, changes or replays an answer of an identity provider, or one of its logout tokens",
           "signature, issuer, audience, nonce and times are checked; an answer works once, in the browser that began",
           ("switch/identity/test_openid.py::test_a_token_that_is_wrong_in_one_thing_gives_nothing",
            "switch/identity/test_openid.py::test_an_answer_works_once_and_only_where_it_began",
            "switch/identity/test_openid.py::test_a_forged_logout_ends_nothing")),
    Attack("A10", "an administrator of an identity provider", "makes two people who approve each other's changes, or gives a person another role",
           "two people registered which roles it may grant; operators and checkers are never added by it, and keep a second factor here",
           ("switch/identity/test_openid.py::test_a_provider_is_never_registered_with_more_than_it_may_grant",
            "switch/identity/test_openid.py::test_nobody_is_added_without_a_group_and_a_second_factor",
            "switch/identity/test_openid.py::test_a_person_whose_groups_grant_the_role_no_longer_is_signed_out_everywhere")),
    Attack("A11", "a stranger", "sends a link to the real sign-in that leads to a false page after it",
           "a return path is a page of the switch; what a browser could take for a host is refused",
           ("switch/base/test_urls.py::test_a_return_path_of_another_site_leads_to_the_first_page",
            "switch/pages/test_return_paths.py::test_a_sign_in_with_a_provider_never_leads_to_another_site",
            "switch/pages/test_return_paths.py::test_no_form_leads_to_another_site")),
    Attack("A12", "an administrator of an identity provider", "names addresses of the operator's own network in its metadata, for the switch to call",
           "public addresses and networks that a setting names, judged again at each connection; no redirect",
           ("switch/identity/test_openid.py::test_a_provider_names_no_address_of_our_own_network",
            "switch/identity/test_openid.py::test_metadata_make_the_switch_call_nothing_in_its_own_network")),
    Attack("A13", "a stranger", "holds all connections to a witness, so that the log reaches none",
           "a share for each address and network, a short time for a request, the oldest idle connection makes room, a reserve for the log",
           ("switch/witness/test_serve.py::test_idle_connections_of_strangers_silence_a_witness",
            "switch/witness/test_serve.py::test_a_silent_connection_ends_soon",
            "switch/witness/test_serve.py::test_the_reserve_has_room_when_strangers_use_all_of_theirs")),
    Attack("S1", "a stolen API worker", "is one statement away from being superuser of the database",
           "each process has a login with only the rights that its statements need",
           ("switch/base/test_roles.py::test_api_workers_are_database_superusers",
            "switch/base/test_roles.py::test_no_process_may_do_what_it_must_not",
            "switch/base/test_roles.py::test_each_process_of_a_running_switch_has_a_login_of_its_own")),
    Attack("S2", "a stolen worker, or any local process", "gives the writer commands of others: funds, caps, forged events",
           "the writer hears only processes that prove what they are, from each only its own commands, and believes none without a signed or approved cause",
           ("switch/processes/test_peers.py::test_only_certified_and_named_peers_are_greeted_as_what_they_are",
            "switch/processes/test_peers.py::test_each_kind_may_send_its_own_commands_only",
            "switch/payments/test_signatures.py::test_whatever_else_a_worker_says_is_refused_and_moves_nothing",
            "switch/approvals/test_causes.py::test_no_command_of_people_is_done_without_a_change",
            "switch/operations/test_caused.py::test_what_was_written_into_the_database_by_hand_is_found",
            "switch/processes/test_peers.py::test_a_process_on_the_machine_that_the_supervisor_did_not_start_is_not_heard")),
    Attack("S3", "root on the host", "rewrites an event, the tree and every checkpoint",
           "witnesses elsewhere hold the checkpoints and cosign only what extends them; a rewritten log is refused and kept as evidence",
           ("switch/witness/test_witnessing.py::test_a_rewritten_log_is_refused_by_its_witness_and_operators_see_it",
            "switch/witness/test_judging.py::test_a_rewritten_log_is_refused_and_both_notes_are_kept",
            "switch/witness/test_judging.py::test_an_older_checkpoint_with_another_root_is_a_fork_too",
            "switch/witness/test_judging.py::test_a_restore_is_no_way_to_rewrite_what_it_kept")),
    Attack("S4", "a local user", "makes the socket directory in /tmp first, and is the writer",
           "a directory of another owner, or that others may enter, is refused",
           ("switch/processes/test_socket_directory.py::test_socket_directory_in_tmp_taken_first",)),
    Attack("S5", "a participant", "registers a webhook that leads into the operator's own network, in other digits or by a name",
           "the address is judged in its normal form, and again at each connection",
           ("switch/webhooks/test_events_and_webhooks.py::test_outside_a_sandbox_an_address_is_https_and_of_the_open_network",
            "switch/webhooks/test_events_and_webhooks.py::test_a_name_that_leads_into_our_own_network_is_not_called")),
    Attack("S6", "a stolen API worker", "adds votes, people, sessions, keys, rates, or notes of another process, with its login of the database",
           "people have workers and a login of their own; the caretaker alone writes what they approved; a table states who notes what",
           ("switch/base/test_roles.py::test_a_stolen_api_worker_wrote_votes_people_keys_and_rates",
            "switch/base/test_roles.py::test_every_process_may_run_its_statements",
            "switch/approvals/test_approvals.py::test_a_vote_does_not_execute_what_the_caretaker_executes",
            "switch/approvals/test_approvals.py::test_a_note_that_the_writer_refuses_keeps_no_other_out_of_the_log",
            "switch/base/test_roles.py::test_the_rights_of_the_release_before_end_with_its_second_phase")),
    Attack("S7", "a stolen API worker", "stores a settlement agent's confirmation with its login of the database, so that a line is settled that nobody paid",
           "the caretaker verifies the agent's signature of the stored body again; a forged one has no effect, alarms, and keeps no true one out",
           ("switch/settlement/test_forged_confirmations.py::test_a_stolen_api_worker_forged_a_settlement_agents_confirmation",
            "switch/settlement/test_forged_confirmations.py::test_a_forged_refusal_holds_no_line")),
    Attack("P1", "time", "what a regulator searched for (a name, an account) stays in the log, beyond erasure",
           "the log says which fields were used, not what was typed",
           ("switch/pages/test_administration_pages.py::test_a_searched_name_does_not_stay_in_the_log",)),
    Attack("P2", "a stranger", "reads every bank's liquidity in the metrics",
           "metrics need a token",
           ("switch/operations/test_prometheus.py::test_strangers_get_no_metrics",)),
    Attack("P3", "a bank", "learns whose names are on the lists from refusals: at a used-up limit, without cover, with a used id or quote, another name is refused and a listed one is held",
           "a hold is asked all that a reservation is asked, by the same function, and counts in limits, ids and its quote while it waits",
           ("switch/screening/test_holds.py::test_a_payment_that_is_refused_with_any_name_does_not_tell_whose_name_is_a_hit",
            "switch/writer/test_no_tipping_off.py::test_a_second_payment_is_refused_equally_after_one_with_a_listed_name")),
    Attack("I1", "an operator and a checker", "give a bank a key, or enrol a person of it",
           "the bank agrees, by its own person or by a signature of a key in force; a key proves its holder; the bank is notified",
           ("switch/participants/test_agreement.py::test_two_insiders_gave_a_bank_a_key",
            "switch/participants/test_agreement.py::test_two_insiders_enrolled_a_person_of_a_bank",
            "switch/participants/test_agreement.py::test_a_key_comes_with_the_proof_of_its_holder")),
    Attack("I2", "an operator, by mistake", "starts production on the data of a sandbox, whose keys and people are known",
           "the database says what it is, for ever; the other kind does not start",
           ("switch/cli/test_start.py::test_production_over_sandbox_data",
            "switch/cli/test_start.py::test_keys_of_a_sandbox_make_it_one_whatever_it_is_started_as")),
    Attack("I3", "an operator and a checker", "found a central bank that stands for a real one, or remove everybody of a bank and found it anew",
           "the last person, or a key in force, agrees; what had a person once is never new; a central bank stands only for one with which"
           " it opened a corridor; seats are computed again at each vote",
           ("switch/participants/test_agreement.py::test_a_central_bank_of_two_insiders_stood_for_another",
            "switch/participants/test_agreement.py::test_two_central_banks_of_insiders_stood_for_a_bank_without_people",
            "switch/participants/test_agreement.py::test_two_insiders_took_over_the_central_bank_then_its_bank",
            "switch/participants/test_agreement.py::test_two_insiders_removed_everybody_and_founded_them_anew",
            "switch/participants/test_agreement.py::test_two_removals_asked_for_together_left_nobody",
            "switch/participants/test_agreement.py::test_a_founding_asked_for_before_the_first_person_enrolled_ends")),
    Attack("I4", "an operator and a checker", "register an identity provider of their own for a bank before it joins",
           "no identity provider before the first key in force and the first enrolled person",
           ("switch/participants/test_agreement.py::test_two_insiders_gave_a_bank_a_provider_before_it_joined",)),
    Attack("I5", "an operator and a checker", "appoint a settlement agent that they have just onboarded",
           "the central bank of the currency agrees",
           ("switch/participants/test_agreement.py::test_two_insiders_appointed_a_settlement_agent_of_theirs",)),
)
# fmt: on

HEAD: Final = """\
# Attacks

Every row is an attack that was tried against payswitch and succeeded at first. The tests try it again, in `make test` and `make test-long`. The rows come
from [tests/assurance/attacks.py](../../tests/assurance/attacks.py); a test checks that each named test exists. Rows without tests are **not
stopped**; the [threat model](threat-model.md) says what an operator does meanwhile.

| id | attacker | attack | what stops it | tests |
|---|---|---|---|---|
"""


def page() -> str:
    """`docs/security/attacks.md`."""
    return HEAD + "\n".join(map(_row, ATTACKS)) + "\n"


def links(tests: tuple[str, ...], root: str) -> str:
    """Links to tests, by their sentences."""
    found = []
    for test in tests:
        file, _, name = test.partition("::")
        found.append(f"[{name.removeprefix('test_').replace('_', ' ')}]({root}tests/{file})")
    return "<br>".join(found)


def _row(one: Attack) -> str:
    tests = links(one.tests, "../../") or "none"
    return f"| {one.id} | {one.who} | {one.what} | {one.stopped or '**not stopped**'} | {tests} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
