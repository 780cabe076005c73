-- Rights that the processes of release 0.1.0 need until `payswitch migrate --phase post`, when none of them runs any more:
-- its API workers serve people too, and execute what they approve, as `payswitch_api`. Applied after `grants.sql` while
-- a `post` migration is missing; afterwards `grants.sql` alone states who may do what.

GRANT SELECT ON switch.person, switch.session TO payswitch_api;
GRANT INSERT (sha256, family, person, began_at, address, browser, confirmed_at, issuer, sid),
      UPDATE (seen_at, replaced_at, confirmed_at), DELETE
   ON switch.session TO payswitch_api;
GRANT SELECT, INSERT (id, person, label, credential, counter), UPDATE (counter, used_at), DELETE
   ON switch.passkey TO payswitch_api;
GRANT SELECT, INSERT (person, text), UPDATE (read_at) ON switch.person_notice TO payswitch_api;
GRANT SELECT, INSERT (issuer, subject, person), DELETE ON switch.person_subject TO payswitch_api;
GRANT SELECT, INSERT, UPDATE (title, client_id, claim, grants, just_in_time, second_factors), DELETE
   ON switch.identity_provider TO payswitch_api;
GRANT INSERT (name, display_name, role, scope, status),
      UPDATE (status, password_hash, totp_secret, totp_step, failures, locked_until, maker_half, checker_half,
              invited_until)
   ON switch.person TO payswitch_api;
GRANT SELECT, INSERT, UPDATE (failures, at, wait_until, is_admitted), DELETE
   ON switch.sign_in_failure TO payswitch_api;
GRANT INSERT (kind, content, maker, reason, seats, state, expires_at), UPDATE (state, tried_at, ended_at, outcome)
   ON switch.change TO payswitch_api;
GRANT INSERT (change, seat, person, maker, decision, reason) ON switch.change_vote TO payswitch_api;
GRANT INSERT (version, rules, added_by) ON switch.pattern_rules TO payswitch_api;
GRANT INSERT (id, name, bic, country, kind, member_ids), UPDATE (status, member_ids) ON switch.participant
   TO payswitch_api;
GRANT INSERT (keyid, participant, algorithm, public_key, valid_from, valid_until),
      UPDATE (valid_until, revoked_at)
   ON switch.participant_key TO payswitch_api;
GRANT INSERT (source, target, enabled), UPDATE (enabled, fee_minor, fee_bps, settlement) ON switch.corridor
   TO payswitch_api;
GRANT INSERT (source, target, provider, rate, valid_from) ON switch.fx_rate TO payswitch_api;
GRANT INSERT (country, open),
      UPDATE (open, opens_at, minimum_minor, maximum_minor, hours_from, hours_to, fee_max_bps),
      DELETE
   ON switch.rail TO payswitch_api;
GRANT INSERT, UPDATE ON switch.window_schedule, switch.calendar_override, switch.settlement_agent TO payswitch_api;
GRANT UPDATE (state, changed_at) ON switch.settlement TO payswitch_api;
GRANT UPDATE (state, transfer, reason, changed_at, carried_to) ON switch.settlement_line TO payswitch_api;
GRANT UPDATE (taken_at) ON switch.settlement_confirmation TO payswitch_api;
GRANT UPDATE (owner, resolution, resolved_at) ON switch.reconciliation_break TO payswitch_api;
GRANT INSERT (added_at), UPDATE (retired_at) ON switch.webhook_key TO payswitch_api;
GRANT INSERT (key, name, url), UPDATE (url, removed_at) ON switch.witness TO payswitch_api;
GRANT SELECT (person), DELETE ON switch.person_bearer_key TO payswitch_api;
GRANT INSERT (currency, participant, minor, change) ON switch.settled_before TO payswitch_api;

INSERT INTO switch.note_right (role, kind)
SELECT 'payswitch_api', kind FROM switch.note_right WHERE role IN ('payswitch_pages', 'payswitch_caretaker')
ON CONFLICT DO NOTHING;
