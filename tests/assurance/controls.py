"""Controls of published catalogues that concern payswitch, with where each is held and the tests that show it.

`docs/security/controls.md` is written from this table: `python -m tests.assurance.controls`.
Tests are named as in `attacks`; pages are paths from the root of the repository.
"""

from pathlib import Path
from typing import Final, NamedTuple

from tests.assurance.attacks import links

PAGE: Final = Path(__file__).parents[2] / "docs" / "security" / "controls.md"


class Control(NamedTuple):
    """One row: number and name in its catalogue, how it is held, the pages about it, the tests."""

    number: str
    name: str
    held: str
    pages: tuple[str, ...]
    tests: tuple[str, ...]


_SIGN_IN: Final = "switch/identity/test_sign_in.py::"
_SIGNED: Final = "switch/api/test_signed_requests.py::"
_BOUNDARY: Final = "switch/api/test_boundary.py::"

# fmt: off
API_TOP_10: Final = (
    Control("API1", "Broken object level authorization", "a participant reads and changes only what it is an end of; anything else is not found", ("docs/integrate/README.md",),
            ("switch/payments/test_payments.py::test_a_participant_sees_its_own_payments_only", "switch/identity/test_people_api.py::test_nobody_reads_the_data_of_another")),
    Control("API2", "Broken authentication", "signed requests with a nonce that is used once; people with a password and a one-time code", ("docs/reference/signatures.md",),
            ("signing/test_http_signatures.py::test_a_forgery_is_refused", f"{_SIGNED}test_a_nonce_is_used_up_whatever_is_signed_with_it", f"{_SIGN_IN}test_a_code_works_once")),
    Control("API3", "Broken object property level authorization", "bodies are closed structures: an unknown field is refused", ("docs/integrate/messages.md",),
            ("switch/api/test_hostile_bodies.py::test_what_is_wrong_is_said_without_what_was_sent",)),
    Control("API4", "Unrestricted resource consumption", "limits of size, time, rate, connections and waiting work, for each caller", ("docs/integrate/limits.md", "docs/operate/limits.md"),
            (f"{_BOUNDARY}test_a_body_without_end_is_cut_off_at_the_limit", "switch/api/test_rate_limits.py::test_workers_share_a_limit_that_refills_with_time",
             "switch/api/test_bulkheads.py::test_one_participant_cannot_hold_every_event_stream_of_a_worker", "ledger/test_writer.py::test_a_full_queue_refuses_and_loses_nothing")),
    Control("API5", "Broken function level authorization", "rights of each role in one table; a route that does not ask who calls fails a test", ("docs/operate/participants.md",),
            ("switch/identity/test_people_api.py::test_every_route_authenticates_its_caller", f"{_SIGNED}test_people_are_refused_a_participants_resource")),
    Control("API6", "Unrestricted access to sensitive business flows", "limits of amounts for each payment and day; quotas of account look-ups; two people for every change", ("docs/operate/limits.md",),
            ("switch/participants/test_limit_changes.py::test_a_payment_over_a_limit_that_people_agreed_on_is_refused_with_am14", "switch/api/test_lookups.py::test_a_quota_is_at_one_bank_and_all_of_a_message_or_none")),
    Control("API7", "Server side request forgery", "webhooks go to public addresses only, judged again at each connection", ("docs/integrate/events.md",),
            ("switch/webhooks/test_events_and_webhooks.py::test_a_name_that_leads_into_our_own_network_is_not_called",)),
    Control("API8", "Security misconfiguration", "a wrong or unknown setting ends the start, with every reason", ("docs/operate/start.md",),
            ("switch/cli/test_start.py::test_every_file_that_is_missing_or_broken_is_named_before_anything_is_started", "switch/cli/test_start.py::test_production_over_sandbox_data")),
    Control("API9", "Improper inventory management", "the OpenAPI description is generated from the routes, and every example in it is sent", ("docs/integrate/README.md",),
            ("docs/test_openapi_examples.py::test_every_example_of_a_message_is_accepted",)),
    Control("API10", "Unsafe consumption of APIs", "answers of rails are verified, bounded and strictly read; what is not a clear yes or no is unknown", ("docs/operate/rails.md",),
            ("switch/payments/test_dispatch.py::test_only_a_clear_answer_is_final", "adapters/test_rail_http.py::test_a_compressed_bomb_is_not_inflated")),
)
ASVS: Final = (
    Control("V1", "Encoding and sanitization", "pages escape by default; figures in workbooks and CSV are no formulas; no SQL is made of input", ("docs/integrate/messages.md",),
            ("switch/pages/test_drawing.py::test_markup_in_a_name_stays_text_and_a_picture_has_no_script_and_no_style", "fuzz/test_fuzz.py::test_no_mutated_request_is_a_5xx_a_hang_a_reset_or_an_echo")),
    Control("V2", "Validation and business logic", "schema, then rules of the scheme, then stated terms, before money is held; the states of a payment are one table", ("docs/architecture.md", "docs/integrate/messages.md"),
            ("switch/payments/test_stated.py::test_what_would_not_be_done_is_refused_with_its_path", "switch/writer/test_lifecycle.py::test_every_pair_is_decided")),
    Control("V3", "Web frontend security", "no inline script or style, no frames, cookies `__Host-`, `Secure`, `HttpOnly`, `SameSite=Strict`; posted forms must come from our pages", ("docs/integrate/pages.md",),
            ("switch/identity/test_people_api.py::test_a_browser_signs_in_acts_and_signs_out",)),
    Control("V4", "API and web service", "exact media types, no compressed bodies, no transforming redirects, strict HTTP", ("docs/integrate/README.md",),
            (f"{_BOUNDARY}test_wrong_headers_are_a_clear_problem", f"{_BOUNDARY}test_broken_http_gets_4xx_or_a_closed_connection")),
    Control("V6", "Authentication", "password of 12 to 128 characters, memory-hard hash, one-time codes that work once, passkeys, delays for who guesses, the same answer to every mistake; enrolment by two halves", ("docs/operate/participants.md",),
            (f"{_SIGN_IN}test_every_mistake_has_the_same_answer", f"{_SIGN_IN}test_weak_passwords_are_refused", f"{_SIGN_IN}test_a_new_person_enrols_with_both_halves_of_the_code",
             "switch/identity/test_passkeys.py::test_an_assertion_that_is_wrong_in_one_thing_is_refused_and_counted")),
    Control("V7", "Session management", "random tokens, hashed at rest, renewed, ended when idle or old; a stolen old token ends the session; people see and end their sessions, and prove a factor again before they change one", ("docs/operate/participants.md",),
            (f"{_SIGN_IN}test_a_session_ends_when_it_is_idle_or_old", f"{_SIGN_IN}test_an_old_token_that_comes_back_ends_the_whole_sign_in", f"{_SIGN_IN}test_signing_out_and_suspension_end_sessions",
             "switch/identity/test_sessions.py::test_one_session_is_ended_and_the_others_go_on", "switch/identity/test_passkeys.py::test_a_confirmation_is_for_one_change_and_for_one_session")),
    Control("V8", "Authorization", "denied by default; two people for every change, enforced by the tables too", ("docs/operate/participants.md", "docs/reference/database-roles.md"),
            ("switch/approvals/test_approvals.py::test_nobody_agrees_to_their_own_request_whatever_their_role", "switch/approvals/test_approvals.py::test_the_tables_themselves_refuse_a_maker_who_votes")),
    Control("V9", "Self-contained tokens", "the only ones are those of a registered identity provider, for one sign-in; signed files are JWS with a fixed algorithm and a known key",
            ("docs/reference/signatures.md", "docs/operate/identity-providers.md"),
            ("switch/identity/test_openid.py::test_a_token_that_is_wrong_in_one_thing_gives_nothing", "signing/test_jws.py::test_other_bytes_are_not_proven")),
    Control("V10", "OAuth and OIDC", "code flow with PKCE, state, nonce and issuer; a provider signs in and grants nothing that two people did not", ("docs/operate/identity-providers.md",),
            ("switch/identity/test_openid.py::test_an_answer_works_once_and_only_where_it_began", "switch/identity/test_openid.py::test_a_provider_is_never_registered_with_more_than_it_may_grant",
             "switch/identity/test_openid.py::test_a_forged_logout_ends_nothing")),
    Control("V11", "Cryptography", "Ed25519, ECDSA P-256, SHA-256, AES-GCM and Argon2id only; keys may be in a PKCS#11 token; secret files of others' reach are refused", ("docs/reference/signatures.md", "docs/operate/audit.md"),
            ("signing/test_http_signatures.py::test_every_byte_of_a_signature_counts", "signing/test_token.py::test_keys_on_curves_sign_as_participants_and_checkpoints_do")),
    Control("V12", "Secure communication", "TLS at the proxy towards participants; TLS of processes towards the writer and the database; certificates of rails are checked", ("docs/operate/deploy.md", "docs/operate/many-machines.md"),
            ("switch/processes/test_peers.py::test_a_client_believes_only_a_writer_whose_certificate_names_its_address", "switch/cli/test_start.py::test_a_process_with_an_expired_certificate_towards_the_writer_does_not_start")),
    Control("V13", "Configuration", "settings are checked before a start; no debug mode; secrets from files of one owner; locked dependencies", ("docs/operate/start.md", "docs/security/licences.md"),
            ("supply/test_supply.py::test_every_package_is_pinned_by_hash_and_no_index_is_named", "deploy/test_image.py::test_the_process_is_no_root_and_needs_no_shell")),
    Control("V14", "Data protection", "messages are encrypted with a key for each payment, which can be erased; nothing is cached", ("docs/operate/retention.md",),
            ("switch/payments/test_personal_data.py::test_an_erased_payment_is_unreadable_provable_and_known",)),
    Control("V15", "Secure coding and architecture", "one writer; layers that a linter checks; a bill of materials; bounded waiting everywhere", ("docs/architecture.md", "docs/security/threat-model.md"),
            ("supply/test_supply.py::test_the_bill_of_materials_is_valid_and_the_same_each_time",)),
    Control("V16", "Security logging and error handling", "an append-only log with a tree of hashes; errors repeat no input; logs have an allow-list of fields", ("docs/operate/audit.md",),
            ("ledger/test_audit.py::test_every_forgery_is_named", "schemas/test_attacks.py::test_an_error_never_repeats_what_was_sent", f"{_SIGN_IN}test_failures_and_delays_are_in_the_log_without_the_input")),
)
CSCF: Final = (
    Control("1.2", "Privileged account control", "no process is superuser of the database; the image runs as an unprivileged user", ("docs/reference/database-roles.md", "docs/operate/deploy.md"),
            ("switch/base/test_roles.py::test_no_role_is_a_superuser_or_owns_anything", "deploy/test_image.py::test_another_user_pays_with_a_read_only_root_and_without_a_shell")),
    Control("2.1", "Internal data flow security", "every process proves itself to the writer, and may send its own commands only", ("docs/operate/many-machines.md",),
            ("switch/processes/test_peers.py::test_each_kind_may_send_its_own_commands_only",)),
    Control("2.2", "Security updates", "locked dependencies are compared with advisories at each check; an upgrade under load", ("docs/operate/upgrade.md",),
            ("supply/test_supply.py::test_an_advisory_fails_until_it_is_accepted_with_a_reason", "chaos/test_upgrade.py::test_old_code_works_with_the_new_schema_and_new_code_with_the_old_under_load")),
    Control("2.4", "Back office data flow security", "the bank signs the bytes of each request; the switch signs what it delivers", ("docs/reference/signatures.md", "docs/integrate/events.md"),
            ("signing/test_http_signatures.py::test_a_forgery_is_refused", "switch/webhooks/test_events_and_webhooks.py::test_a_webhook_is_signed_retried_and_delivered")),
    Control("2.6", "Operator session confidentiality and integrity", "sessions in a host-only cookie that is renewed and ended", ("docs/operate/participants.md",),
            (f"{_SIGN_IN}test_tokens_are_replaced_as_they_age_and_only_once",)),
    Control("2.9", "Transaction business controls", "limits for each payment and day, caps, two people for changes, suspension within seconds", ("docs/operate/limits.md",),
            ("switch/payments/test_payments.py::test_64_concurrent_payments_at_the_edge_of_a_cap_grant_exactly_the_cap", "switch/payments/test_payments.py::test_a_suspended_participant_is_refused_and_its_payments_in_flight_end")),
    Control("2.10", "Application hardening", "a read-only root, no shell, no package installer, no open port beside the API's", ("docs/operate/deploy.md",),
            ("deploy/test_image.py::test_another_user_pays_with_a_read_only_root_and_without_a_shell",)),
    Control("4.1", "Password policy", "12 to 128 characters, not the name, memory-hard hash", ("docs/operate/participants.md",), (f"{_SIGN_IN}test_weak_passwords_are_refused",)),
    Control("4.2", "Multi-factor authentication", "a password and a passkey or a one-time code for everybody", ("docs/operate/participants.md",),
            (f"{_SIGN_IN}test_a_code_works_once", "switch/identity/test_passkeys.py::test_a_passkey_signs_its_owner_in")),
    Control("5.1", "Logical access control", "one role for each person, rights in one table, four eyes", ("docs/operate/participants.md",),
            ("switch/approvals/test_approvals.py::test_nobody_agrees_to_their_own_request_whatever_their_role",)),
    Control("5.4", "Password repository protection", "hashes only; secrets of authenticators are sealed by a key outside the database", ("docs/operate/participants.md",),
            (f"{_SIGN_IN}test_the_database_does_not_hold_the_token_the_password_or_the_secret",)),
    Control("6.2", "Software integrity", "every package by its hash; the image has the bill of its own packages", ("docs/operate/deploy.md", "docs/security/licences.md"),
            ("supply/test_supply.py::test_the_bill_names_every_installed_package_of_the_lock_with_its_hashes", "deploy/test_image.py::test_the_image_has_the_bill_of_its_own_packages_and_none_of_development")),
    Control("6.3", "Database integrity", "the books are checked against the log every few seconds; a difference freezes them", ("docs/operate/doctor.md",),
            ("switch/operations/test_invariants.py::test_the_caretaker_sees_a_balance_changed_by_hand_and_the_switch_takes_no_new_payment", "ledger/test_verify.py::test_tampering_is_named")),
    Control("6.4", "Logging and monitoring", "an append-only log, signed checkpoints, witnesses, tested alerts with runbooks", ("docs/operate/audit.md", "docs/operate/witnesses.md", "docs/operate/metrics.md"),
            ("ledger/test_audit.py::test_every_forgery_is_named", "switch/witness/test_judging.py::test_a_rewritten_log_is_refused_and_both_notes_are_kept")),
    Control("7.1", "Cyber incident response planning", "a runbook for each alert; a participant is suspended and a key revoked within seconds", ("docs/operate/runbooks/key-compromise.md",),
            ("switch/participants/test_participants.py::test_keys_overlap_retire_and_are_revoked",)),
)
# fmt: on

CATALOGUES: Final = (
    ("OWASP API Security Top 10 (2023)", API_TOP_10),
    (
        "OWASP ASVS 5.0, chapters that concern a switch; the aim is level 2, and level 3 for V6 to V11",
        ASVS,
    ),
    (
        "SWIFT CSCF v2026, controls that software can hold; the others concern the operator's premises and staff",
        CSCF,
    ),
)
HEAD: Final = """\
# Controls

Which controls of published catalogues payswitch holds, where it is explained, and by which tests it is shown. The rows come from
[tests/assurance/controls.py](../../tests/assurance/controls.py); a test checks that each named test and page exists. It is a map by the developers, no
assessment: nobody has certified payswitch. What is not held is in the [threat model](threat-model.md).
"""


def page() -> str:
    """`docs/security/controls.md`."""
    return "\n".join([HEAD, *(f"{_table(title, controls)}" for title, controls in CATALOGUES)])


def _table(title: str, controls: tuple[Control, ...]) -> str:
    rows = "\n".join(map(_row, controls))
    return f"## {title}\n\n| control | held by | explained in | tests |\n|---|---|---|---|\n{rows}\n"


def _row(one: Control) -> str:
    pages = "<br>".join(f"[{page.removeprefix('docs/')}](../../{page})" for page in one.pages)
    return f"| {one.number} {one.name} | {one.held} | {pages} | {links(one.tests, '../../')} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
