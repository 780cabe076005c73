-- The rights of each role in the switch's own tables; `migrate` applies this file as it does `ledger/grants.sql`.
-- No process deletes evidence. No process but pages reads what people sign in with, or writes what people do; and only
-- the caretaker writes what a change that they approved is about.

REVOKE ALL ON ALL TABLES IN SCHEMA switch, regulator
  FROM payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader, payswitch_regulator;
REVOKE ALL ON SCHEMA switch, regulator
  FROM PUBLIC, payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader,
       payswitch_regulator;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA switch, regulator
  FROM PUBLIC, payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader,
       payswitch_regulator;

GRANT USAGE ON SCHEMA switch
   TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader;
GRANT SELECT ON switch.installation
   TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader;

-- The writer: what the functions of its batch parts write in the ledger's transaction.
GRANT INSERT ON switch.payment, switch.message, switch.message_key, switch.payment_reference, switch.payment_charge
   TO payswitch_writer;
GRANT SELECT (number, uetr, rail, native_ref) ON switch.payment TO payswitch_writer;
GRANT SELECT, INSERT, DELETE ON switch.open_payment TO payswitch_writer;
GRANT UPDATE (state, entered_at, due_at, enquiries, sendings, pending, absences, absent_at, unanswered)
   ON switch.open_payment TO payswitch_writer;
GRANT INSERT (rail, cycle, ref, uetr, kind, detail), SELECT (rail, ref, kind, detail),
      UPDATE (detail, owner, resolution, resolved_at)
   ON switch.reconciliation_break TO payswitch_writer;
GRANT SELECT, INSERT ON switch.part_return TO payswitch_writer;
GRANT SELECT, INSERT, UPDATE (left_because) ON switch.rail_return TO payswitch_writer;
GRANT SELECT, INSERT, UPDATE (state, attempts, due_at, detail, changed_at) ON switch.reversal TO payswitch_writer;
GRANT UPDATE (notified_at) ON switch.rail_return TO payswitch_caretaker;
GRANT INSERT, UPDATE (state, code, due_at, ended_at, told_at) ON switch.recall TO payswitch_api;
GRANT INSERT, UPDATE (state, code, answer, answered_by, message_id, request, objections, interim, until_at, changed_at, ended_at, told_at)
   ON switch.investigation TO payswitch_api;
GRANT UPDATE (state, code, answer, answered_by, changed_at, ended_at, told_at) ON switch.investigation TO payswitch_caretaker;
GRANT UPDATE (state, code, due_at, attempts, ended_at, told_at, change) ON switch.recall TO payswitch_caretaker;
-- Orders of rails: API workers keep and stop them, the caretaker alone gives them to the intake and answers.
GRANT SELECT ON switch.rail_inbound TO payswitch_writer;
GRANT INSERT (rail, kind, ref, original, uetr, gateway, state, digest, sealed_key, request, expires_at, reason, decided_at, due_at),
      UPDATE (gateway, state, digest, sealed_key, request, expires_at, reason, decided_at, due_at, refund_due_at,
              refund_back)
   ON switch.inbound_order TO payswitch_api;
GRANT UPDATE (state, message, fingerprint, answer, reason, decided_at, due_at, attempts, told_at, disputed, settled,
              refund, refund_uetr, refund_ref, refund_body, refund_minor, refund_tries, refund_enquiries,
              refund_expires_at, refund_due_at, refund_detail, part_seen, part_settled, refund_made, refund_changed_at, refund_back_minor)
   ON switch.inbound_order TO payswitch_caretaker;
-- Their look-ups: API workers keep them, the caretaker alone decides what is promised.
GRANT INSERT (id, rail, gateway, request, waits_until) ON switch.inbound_lookup TO payswitch_api;
GRANT UPDATE (request, decided_at, quote, payee), DELETE ON switch.inbound_lookup TO payswitch_caretaker;
GRANT UPDATE (refund_due_at, refund_back) ON switch.part_refund TO payswitch_api;
GRANT INSERT, UPDATE (refund, refund_uetr, refund_ref, refund_body, refund_minor, refund_tries, refund_enquiries, refund_expires_at,
                      refund_due_at, refund_detail, refund_made, refund_changed_at, refund_back_minor, carried_minor)
   ON switch.part_refund TO payswitch_caretaker;
GRANT SELECT ON switch.payment_file_part TO payswitch_api, payswitch_caretaker;
GRANT INSERT (id, sender, whole, digest, size, keyid, signature, base, sealed_key, ends_at), UPDATE (cancelled_at, detail)
   ON switch.payment_file TO payswitch_api;
GRANT UPDATE (cancelled_at, detail) ON switch.payment_file TO payswitch_pages; -- people stop the rest of a file
GRANT INSERT ON switch.payment_file_part TO payswitch_api;
GRANT INSERT (id, asker, debtor_agent, message_id, definition, reference, uetr, currency, minor, expires_at, after),
      UPDATE (state, reason, ended_at)
   ON switch.payment_request TO payswitch_api;
GRANT UPDATE (state, payment, reason, ended_at) ON switch.payment_request TO payswitch_caretaker;
GRANT UPDATE (state, message_id, lines, total, reason, detail, ended_at, base) ON switch.payment_file TO payswitch_caretaker;
GRANT DELETE ON switch.payment_file_part TO payswitch_caretaker;
GRANT INSERT, UPDATE (state, fingerprint, sealed_key, message, taken_at, reason, detail)
   ON switch.payment_file_line TO payswitch_caretaker;
GRANT INSERT, UPDATE (gateway, open, change, purpose, refunds_since) ON switch.rail_inbound TO payswitch_caretaker;
GRANT SELECT, INSERT ON switch.payment_limit, switch.daily_use, switch.claim TO payswitch_writer;
GRANT UPDATE (per_payment, per_day) ON switch.payment_limit TO payswitch_writer;
GRANT UPDATE (day, minor) ON switch.daily_use TO payswitch_writer;
GRANT UPDATE (number, until) ON switch.claim TO payswitch_writer;
GRANT SELECT, INSERT ON switch.velocity_limit, switch.velocity_use TO payswitch_writer;
GRANT UPDATE (hour_count, hour_minor, day_count, day_minor, change) ON switch.velocity_limit TO payswitch_writer;
GRANT UPDATE (hour, hour_count, hour_minor, day, day_count, day_minor) ON switch.velocity_use TO payswitch_writer;
GRANT SELECT, INSERT ON switch.watch_rule, switch.watch_use TO payswitch_writer;
GRANT UPDATE (day, count, seen) ON switch.watch_use TO payswitch_writer;
GRANT INSERT (payment, rule, uetr, kind, participant) ON switch.watch_alarm TO payswitch_writer;
GRANT SELECT, INSERT, DELETE ON switch.counted_payment, switch.freeze TO payswitch_writer;
GRANT SELECT, INSERT ON switch.fx_offer, switch.fx_counted, switch.fx_closing_offer TO payswitch_writer;
GRANT UPDATE (rate, valid_until) ON switch.fx_closing_offer TO payswitch_writer;
GRANT UPDATE (number, tiers, valid_until, inventory_minor, used_minor, published_at, improvements) ON switch.fx_offer TO payswitch_writer;
GRANT DELETE ON switch.fx_counted TO payswitch_writer;
GRANT SELECT, INSERT, UPDATE (blocked, lowest, highest, valid_until, change) ON switch.pair_control TO payswitch_writer;
GRANT SELECT, INSERT ON switch.decided_order, switch.quote, switch.quote_use, switch.quote_wait TO payswitch_writer;
GRANT SELECT, INSERT, UPDATE (screening, lists, hits, hit_count, decision, change, decided_at, outcome, ended_at, raw, key,
                              keyid, signature, base)
   ON switch.screening_hold TO payswitch_writer;
GRANT SELECT, INSERT, DELETE, UPDATE (kept, until, begun, at, known_by) ON switch.closed TO payswitch_writer;
GRANT SELECT, INSERT, UPDATE (until, read_at, by) ON switch.restore_rail TO payswitch_writer;
GRANT SELECT ON switch.restore_line TO payswitch_writer;
GRANT SELECT ON switch.change, switch.change_vote TO payswitch_writer; -- the causes of commands: it reads, others decide
GRANT SELECT (name, role, scope, status) ON switch.person TO payswitch_writer;
GRANT SELECT ON switch.screening_officers TO payswitch_writer; -- who may decide about a held payment
GRANT SELECT (id, uetr, kind, resolved_at) ON switch.reconciliation_break TO payswitch_writer;
GRANT SELECT ON switch.indirect_participant, switch.participant_key, switch.fx_rate, switch.fx_fixing, switch.corridor, switch.tariff TO payswitch_writer;
GRANT SELECT ON switch.settlement, switch.settlement_line TO payswitch_writer;
GRANT SELECT (id, bic, status, country) ON switch.participant TO payswitch_writer;
GRANT SELECT (creditor_agent, sender, fx_provider, rate, debit_minor, debit_currency, credit_minor, credit_currency)
   ON switch.payment TO payswitch_writer;

-- The API, the caretaker and the reader see the tables of the business. Payments' messages are sealed.
GRANT SELECT ON switch.participant, switch.participant_key, switch.corridor, switch.corridor_rules, switch.fx_rate, switch.rail,
                switch.velocity_limit, switch.watch_rule, switch.watch_alarm,
                switch.rail_serial, switch.payment, switch.message, switch.message_key, switch.open_payment,
                switch.change, switch.change_vote, switch.audit_note, switch.liquidity_alert,
                switch.calendar_override, switch.window_schedule, switch.settlement_agent, switch.settlement,
                switch.settlement_line, switch.settlement_confirmation, switch.settlement_instruction,
                switch.settlement_delivery, switch.rail_cycle, switch.rail_cycle_line, switch.reconciliation_break,
                switch.report_artefact, switch.probe, switch.payment_party, switch.pattern_rules, switch.webhook,
                switch.webhook_delivery, switch.webhook_key, switch.payment_limit, switch.daily_use,
                switch.counted_payment, switch.decided_order, switch.freeze, switch.invariant_look, switch.claim,
                switch.key_use, switch.closed, switch.restore_rail, switch.restore_line, switch.settled_before,
                switch.witness, switch.payment_fact, switch.payment_time_fact, switch.availability_fact, switch.liquidity_fact, switch.fact_mark,
                switch.certificate, switch.certification, switch.tariff, switch.payment_charge, switch.screening_list,
                switch.screening_set, switch.screening_engine, switch.screening_hold, switch.screening_clearance, switch.screening_officers, switch.quote, switch.quote_use, switch.quote_wait,
                switch.fx_offer, switch.fx_counted, switch.pair_control, switch.indirect_participant, switch.directory_file, switch.rail_return, switch.reversal, switch.part_return, switch.recall, switch.investigation,
                switch.rail_inbound, switch.inbound_order, switch.inbound_lookup, switch.part_refund, switch.payment_file, switch.payment_file_line, switch.payment_request
   TO payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_reader;
GRANT SELECT ON switch.directory_change TO payswitch_api, payswitch_pages, payswitch_caretaker;
GRANT DELETE ON switch.directory_change TO payswitch_caretaker;
GRANT SELECT ON switch.fx_fixing, switch.fx_closing_offer TO payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_reader;
GRANT SELECT (name, display_name, role, scope, status, created_at) ON switch.person
   TO payswitch_api, payswitch_caretaker, payswitch_reader;
GRANT SELECT (totp_step) ON switch.person TO payswitch_caretaker; -- not 0: the person had enrolled
GRANT SELECT (seq, id, made, at, fingerprint), INSERT (id, uetr, sender, receiver, definition, message_id, fingerprint, body, sealed_key)
   ON switch.correspondence TO payswitch_caretaker;
GRANT SELECT ON switch.caused_since TO payswitch_reader;
GRANT SELECT ON switch.payment_return TO payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_reader;

-- Pages: sign-in, sessions, requests and votes of people. Nobody else writes them.
GRANT SELECT ON switch.person, switch.session, switch.person_bearer_key, switch.bearer_key, switch.correspondence
   TO payswitch_pages;
GRANT INSERT (sha256, family, person, began_at, address, browser, confirmed_at, issuer, sid),
      UPDATE (seen_at, replaced_at, confirmed_at), DELETE
   ON switch.session TO payswitch_pages;
GRANT SELECT, INSERT (id, person, label, credential, counter), UPDATE (counter, used_at), DELETE
   ON switch.passkey TO payswitch_pages;
GRANT SELECT, INSERT (person, text), UPDATE (read_at) ON switch.person_notice TO payswitch_pages;
GRANT SELECT (at), DELETE ON switch.person_notice TO payswitch_caretaker;
GRANT SELECT, INSERT (issuer, subject, person), DELETE ON switch.person_subject TO payswitch_pages;
GRANT SELECT, INSERT, UPDATE (title, client_id, claim, grants, just_in_time, second_factors), DELETE
   ON switch.identity_provider TO payswitch_caretaker;
GRANT SELECT ON switch.identity_provider TO payswitch_pages, payswitch_reader;
GRANT SELECT (issuer, subject, person) ON switch.person_subject TO payswitch_caretaker;
GRANT SELECT (family, issuer, sid) ON switch.session TO payswitch_caretaker;
GRANT INSERT (name, display_name, role, scope, status),
      UPDATE (status, password_hash, totp_secret, totp_step, failures, locked_until, maker_half, checker_half,
              invited_until)
   ON switch.person TO payswitch_pages;
GRANT SELECT, INSERT, UPDATE (failures, at, wait_until, is_admitted), DELETE
   ON switch.sign_in_failure TO payswitch_pages;
GRANT INSERT (kind, content, maker, reason, seats, state, expires_at) ON switch.change TO payswitch_pages;
GRANT INSERT (change, seat, person, maker, decision, reason) ON switch.change_vote TO payswitch_pages;
GRANT INSERT (version, rules, added_by) ON switch.pattern_rules TO payswitch_pages;

-- The API also serves people who read: it finds their session and notes the use, so that it does not end.
GRANT SELECT (sha256, person, began_at, seen_at, replaced_at), UPDATE (seen_at) ON switch.session TO payswitch_api;
GRANT SELECT ON switch.person_bearer_key TO payswitch_api; -- only a sandbox has any

-- The API: requests of participants.
GRANT SELECT ON switch.bearer_key, switch.correspondence TO payswitch_api;
GRANT SELECT, INSERT ON switch.used_nonce TO payswitch_api, payswitch_pages; -- pages: tickets are used once
GRANT UPDATE (size, attempts, due_at, result, refuses_at) ON switch.witness TO payswitch_api;
GRANT INSERT, UPDATE (used_at, ahead_s) ON switch.key_use TO payswitch_api;
GRANT INSERT (id, uetr, sender, receiver, definition, message_id, fingerprint, body, sealed_key)
   ON switch.correspondence TO payswitch_api;
GRANT INSERT (sha256, agent, message, body, media_type, signature, base) ON switch.settlement_confirmation
   TO payswitch_api, payswitch_pages; -- an operator hands in the file of an agent

-- Webhooks, which a participant and its people have, and reports.
GRANT INSERT (participant, url, types, cursor), UPDATE (cursor, disabled), DELETE ON switch.webhook
   TO payswitch_api, payswitch_pages;
GRANT UPDATE (url, types) ON switch.webhook TO payswitch_api;
GRANT SELECT (webhook, made_at, until), INSERT (webhook, secret), UPDATE (until), DELETE ON switch.webhook_secret
   TO payswitch_api, payswitch_pages; -- they show a secret once, and cannot read it again
GRANT INSERT (webhook, seq, body),
      UPDATE (body, attempts, status, detail, micros, due_at, done_at, made_at)
   ON switch.webhook_delivery TO payswitch_api, payswitch_pages;
GRANT INSERT ON switch.report_artefact TO payswitch_api, payswitch_pages, payswitch_caretaker;

-- Reports by schedule: the caretaker makes them, the messenger delivers them.
GRANT SELECT ON switch.report_destination, switch.report_schedule, switch.report_delivery
   TO payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_reader;
GRANT SELECT ON switch.report_destination, switch.report_delivery TO payswitch_messenger;
GRANT INSERT (name, address, host_key, access_key, region),
      UPDATE (address, host_key, access_key, region, added_at, removed_at)
   ON switch.report_destination TO payswitch_caretaker;
GRANT INSERT (name, report, format, language, scope, rhythm, currency, destination, addressee, parameters),
      UPDATE (report, format, language, scope, rhythm, currency, destination, addressee, parameters, since, fault,
              removed_at)
   ON switch.report_schedule TO payswitch_caretaker;
GRANT INSERT (schedule, period, destination, report, name, sha256, octets, file_sha256)
   ON switch.report_delivery TO payswitch_caretaker;
GRANT INSERT (schedule, period, destination, report, name, sha256, octets, file_sha256, repeats, asked_by),
      UPDATE (attempts, due_at, answer, delivered_to, delivered_at, given_up_at, again_by)
   ON switch.report_delivery TO payswitch_messenger;
GRANT UPDATE (again_by) ON switch.report_delivery TO payswitch_pages; -- people have it delivered again

-- Changes: people request and approve them on pages; the caretaker executes them.
GRANT INSERT (id, kind, body, after_seq) ON switch.audit_note
   TO payswitch_api, payswitch_pages, payswitch_caretaker;
GRANT UPDATE (state, ended_at, outcome, seen) ON switch.change TO payswitch_pages;
GRANT UPDATE (state, tried_at, ended_at, outcome, seen) ON switch.change TO payswitch_caretaker;
GRANT INSERT (id, name, bic, country, kind, member_ids), UPDATE (status, member_ids) ON switch.participant
   TO payswitch_caretaker;
GRANT INSERT (keyid, participant, algorithm, public_key, valid_from, valid_until),
      UPDATE (valid_until, revoked_at)
   ON switch.participant_key TO payswitch_caretaker;
GRANT INSERT (source, target, enabled), UPDATE (enabled, fee_minor, fee_bps, settlement) ON switch.corridor
   TO payswitch_caretaker;
GRANT INSERT (source, target, provider, rate, valid_from) ON switch.fx_rate TO payswitch_caretaker;
GRANT INSERT ON switch.fx_fixing TO payswitch_caretaker;
GRANT INSERT (source, target, component, direction, participant, purpose, bearer, from_minor, below_minor, flat_minor, bps,
              least_minor, most_minor, valid_from, valid_until, change),
      UPDATE (valid_until)
   ON switch.tariff TO payswitch_caretaker;
GRANT INSERT ON switch.corridor_rules TO payswitch_caretaker;
GRANT INSERT (country, open),
      UPDATE (open, opens_at, minimum_minor, maximum_minor, hours_from, hours_to, fee_max_bps),
      DELETE
   ON switch.rail
   TO payswitch_caretaker;
GRANT INSERT, UPDATE ON switch.window_schedule, switch.calendar_override, switch.settlement_agent
   TO payswitch_caretaker;
GRANT UPDATE (state, transfer, reason, changed_at, carried_to) ON switch.settlement_line TO payswitch_caretaker;
GRANT UPDATE (taken_at, result, examined) ON switch.settlement_confirmation TO payswitch_caretaker;
GRANT UPDATE (owner, resolution, resolved_at) ON switch.reconciliation_break
   TO payswitch_pages, payswitch_caretaker; -- an operator resolves breaks, too
GRANT INSERT (added_at), UPDATE (retired_at) ON switch.webhook_key TO payswitch_caretaker;
GRANT INSERT (key, name, url), UPDATE (url, removed_at) ON switch.witness TO payswitch_caretaker;
GRANT INSERT ON switch.certificate TO payswitch_caretaker;
GRANT INSERT (required, kit, days, change), UPDATE (required, kit, days, change)
   ON switch.certification TO payswitch_caretaker;
GRANT UPDATE (status) ON switch.person TO payswitch_caretaker;
GRANT SELECT (person), DELETE ON switch.person_bearer_key TO payswitch_caretaker;

GRANT INSERT (publisher, published, source, sha256, octets, entries, names, file, parties, added_by) ON switch.screening_list
   TO payswitch_pages;
GRANT INSERT, UPDATE (number) ON switch.screening_set, switch.screening_engine TO payswitch_caretaker;
GRANT SELECT ON switch.screening_tables TO payswitch_api; -- what every process compares names with: made once, by the caretaker
GRANT SELECT (number) ON switch.screening_tables TO payswitch_pages; -- which lists are in force
GRANT SELECT, INSERT, UPDATE (tables), DELETE ON switch.screening_tables TO payswitch_caretaker;
GRANT SELECT, INSERT, UPDATE (place) ON switch.monitor TO payswitch_caretaker;
GRANT INSERT (rail, sha256, octets, banks, file, added_by) ON switch.directory_file TO payswitch_pages;
GRANT INSERT, UPDATE (name, bic, codes, gateway, payment_minor, day_minor, since, until, change)
   ON switch.indirect_participant TO payswitch_caretaker;
GRANT INSERT (number, uetr, screening, hit, expires_on, participant), UPDATE (party, entry, ended_by)
   ON switch.screening_clearance TO payswitch_caretaker;
GRANT UPDATE (examined, outcome) ON switch.watch_alarm TO payswitch_caretaker;
GRANT INSERT, UPDATE (decided_by, change) ON switch.screening_officers TO payswitch_caretaker;
GRANT INSERT (currency, participant, minor, change) ON switch.settled_before TO payswitch_caretaker;

GRANT SELECT ON switch.payment_reference TO payswitch_pages, payswitch_caretaker;
GRANT SELECT, DELETE, INSERT (person, page, name, query), UPDATE (query) ON switch.saved_view TO payswitch_pages;
-- Cases: the caretaker opens and closes them, people on pages work on them, the messenger tells of them. Only pages read
-- what people attach, and nobody else their addresses.
GRANT SELECT ON switch.case_file, switch.case_act, switch.case_question TO payswitch_pages, payswitch_caretaker;
GRANT INSERT (kind, subject, rail, participant, uetr, since, due_at),
      UPDATE (since, opened_at, due_at, closed_at, owner, level, overdue)
   ON switch.case_file TO payswitch_caretaker;
GRANT UPDATE (owner) ON switch.case_file TO payswitch_pages;
GRANT INSERT (file, kind, person, about, text, sha256) ON switch.case_act TO payswitch_pages, payswitch_caretaker;
GRANT SELECT, INSERT (act, id, name, media_type, octets, body, sealed_key) ON switch.case_attachment TO payswitch_pages;
GRANT INSERT (act, uetr) ON switch.case_question TO payswitch_pages;
GRANT UPDATE (done_at) ON switch.case_question TO payswitch_caretaker;
GRANT SELECT, INSERT, UPDATE (email, webhook, language, choices) ON switch.notice_profile TO payswitch_pages;
GRANT SELECT (person, choices) ON switch.notice_profile TO payswitch_caretaker;
GRANT SELECT ON switch.notice_profile TO payswitch_messenger;
GRANT SELECT (number, kind, since, opened_at, due_at, closed_at) ON switch.case_file TO payswitch_messenger;
GRANT SELECT (subject, due_at) ON switch.case_file TO payswitch_reader; -- the deadlines of exceptions
GRANT INSERT (file, why, opened_at, channel, recipient, due_at) ON switch.case_notice
   TO payswitch_pages, payswitch_caretaker;
GRANT SELECT ON switch.case_notice TO payswitch_pages, payswitch_caretaker, payswitch_messenger;
GRANT UPDATE (attempts, due_at, done_at, detail) ON switch.case_notice TO payswitch_messenger;
GRANT UPDATE (due_at, done_at) ON switch.case_notice TO payswitch_pages;
GRANT DELETE ON switch.case_notice TO payswitch_caretaker;

GRANT SELECT, INSERT ON switch.own_uetr TO payswitch_api;
GRANT SELECT ON switch.own_uetr TO payswitch_pages, payswitch_messenger, payswitch_caretaker, payswitch_reader;

-- The API and the caretaker send orders to rails; the writer leaves out numbers that a restore may have lost.
GRANT SELECT, INSERT, UPDATE (next) ON switch.rail_serial
   TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker;

-- The caretaker: settlement, reconciliation, probes, and the deletion of what is no evidence.
GRANT SELECT (person, began_at), DELETE ON switch.session TO payswitch_caretaker;
GRANT SELECT (at), DELETE ON switch.sign_in_failure TO payswitch_caretaker;
GRANT SELECT (id, until), DELETE ON switch.used_nonce TO payswitch_caretaker;
GRANT UPDATE (seq, refused_at) ON switch.audit_note TO payswitch_caretaker;
GRANT INSERT, DELETE ON switch.liquidity_alert TO payswitch_caretaker;
GRANT INSERT, UPDATE ON switch.settlement TO payswitch_caretaker;
GRANT INSERT ON switch.settlement_line, switch.settlement_instruction TO payswitch_caretaker;
GRANT INSERT, UPDATE (state, enquiries, due_at, detail) ON switch.settlement_delivery TO payswitch_caretaker;
GRANT INSERT (rail, cycle, lines) ON switch.rail_cycle TO payswitch_caretaker;
GRANT INSERT, UPDATE (done, code, minor) ON switch.rail_cycle_line TO payswitch_caretaker;
GRANT INSERT (rail, cycle, ref, uetr, kind, detail) ON switch.reconciliation_break TO payswitch_caretaker;
GRANT INSERT, UPDATE (done, code, minor) ON switch.restore_line TO payswitch_caretaker;
GRANT UPDATE (read_at, seen_at) ON switch.restore_rail TO payswitch_caretaker;
GRANT UPDATE (settlement_window) ON switch.settled_before TO payswitch_caretaker;
GRANT INSERT (service, ok, micros, every_s, detail) ON switch.probe TO payswitch_caretaker;
GRANT INSERT ON switch.payment_party TO payswitch_caretaker;
GRANT INSERT, UPDATE ON switch.payment_fact, switch.payment_time_fact, switch.availability_fact, switch.liquidity_fact
   TO payswitch_caretaker;
GRANT UPDATE (seq, probed) ON switch.fact_mark TO payswitch_caretaker;
GRANT INSERT (seq, state, tree, faults), UPDATE (seq, state, tree, at, faults) ON switch.invariant_look
   TO payswitch_caretaker;
GRANT DELETE ON switch.webhook_delivery TO payswitch_caretaker;

-- The messenger: webhooks, and of payments what a participant may learn of its own.
GRANT SELECT ON switch.webhook, switch.webhook_delivery, switch.webhook_key, switch.webhook_secret, switch.closed,
                switch.witness
   TO payswitch_messenger;
GRANT UPDATE (size, attempts, due_at, result, refuses_at) ON switch.witness TO payswitch_messenger;
GRANT SELECT (number, uetr, sender, debtor_agent, creditor_agent, rail, debit_minor, debit_currency,
              credit_minor, credit_currency, fee_minor, native_ref) ON switch.payment
   TO payswitch_messenger;
GRANT SELECT (number, deducted, minor) ON switch.payment_charge TO payswitch_messenger;
GRANT SELECT (id, bic) ON switch.participant TO payswitch_messenger;
GRANT UPDATE (cursor, disabled) ON switch.webhook TO payswitch_messenger;
GRANT INSERT (webhook, seq, body, subject), UPDATE (attempts, status, detail, micros, due_at, done_at)
   ON switch.webhook_delivery TO payswitch_messenger;
GRANT UPDATE (public_key) ON switch.webhook_key TO payswitch_messenger;

-- Regulators see the views of their country; the reader takes this role for the pages of regulators.
GRANT USAGE ON SCHEMA regulator TO payswitch_regulator;
GRANT SELECT ON ALL TABLES IN SCHEMA regulator TO payswitch_regulator;
GRANT EXECUTE ON FUNCTION regulator.country TO payswitch_regulator;

-- Which kinds of notes each role writes: a stolen login cannot put words of another process into the log. `owner` stands
-- for commands of the owner, whom nothing here binds.
GRANT SELECT ON switch.note_right TO payswitch_api, payswitch_pages, payswitch_caretaker;
DELETE FROM switch.note_right;
INSERT INTO switch.note_right (role, kind)
SELECT wanted.role, unnest(wanted.kinds)
  FROM (VALUES
        ('payswitch_api', ARRAY['KEY_REVOKED', 'MESSAGE_RECEIVED', 'RAIL_NOTICE']),
        ('payswitch_pages', ARRAY['CHANGE_APPROVED', 'CHANGE_EXECUTED', 'CHANGE_FAILED', 'CHANGE_REFUSED',
                                  'CHANGE_REQUESTED', 'CHANGE_VOTE', 'CHANGE_WITHDRAWN', 'MESSAGE_READ',
                                  'CASE_ASSIGNED', 'CASE_ATTACHMENT', 'CASE_ATTACHMENT_READ', 'CASE_NOTE', 'CASE_QUESTION', 'DIRECTORY_FILE',
                                  'PASSKEY_ADDED', 'PASSKEY_COPIED', 'PASSKEY_REMOVED', 'PAYMENT_FILE_STOPPED', 'PERSON_BOUND',
                                  'PERSON_ENROLLED', 'PERSON_INVITED', 'PERSON_PROVISIONED', 'REPORT_REPEATED', 'SCREENING_LIST',
                                  'SESSION_ENDED', 'SESSION_REUSED', 'SIGNED_IN', 'SIGNED_OUT', 'SIGN_IN_FAILED', 'SIGN_IN_LOCKED',
                                  'WEBHOOK_ADDED', 'WEBHOOK_REMOVED',
                                  'WEBHOOK_SECRET']),
        ('payswitch_caretaker', ARRAY['CHANGE_EXECUTED', 'CHANGE_EXPIRED', 'CHANGE_FAILED', 'KEY_ADDED', 'KEY_RETIRED',
                                      'KEY_REVOKED', 'LIQUIDITY_ALERT', 'LIQUIDITY_EASED', 'MESSAGE_RECEIVED',
                                      'SESSION_ENDED',
                                      'SETTLEMENT_ABORTED', 'SETTLEMENT_CLOSED', 'SETTLEMENT_CONFIRMED',
                                      'SETTLEMENT_CONTRADICTION', 'SETTLEMENT_FORGED', 'SETTLEMENT_LINE_CARRIED',
                                      'SETTLEMENT_LINE_HELD', 'SETTLEMENT_LINE_INSTRUCTED',
                                      'SETTLEMENT_LINE_SETTLED', 'SETTLEMENT_SETTLED', 'SETTLEMENT_SETTLING',
                                      'SETTLEMENT_UNANSWERED', 'SETTLEMENT_UNMATCHED']),
        ('owner', ARRAY['CASE_ATTACHMENT_ERASED', 'PERSON_FOUNDED', 'SANDBOX_MADE'])
       ) AS wanted (role, kinds);

-- Functions, with every signature of each: during an upgrade, old and new ones exist side by side.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT p.oid::regprocedure AS signature, wanted.role
          FROM (VALUES
                ('payswitch_writer', ARRAY['record_payments', 'record_keys', 'record_references', 'record_enquiries',
                                           'record_contradictions', 'record_part_returns', 'record_rail_returns',
                                           'record_rail_return_ends', 'record_reversals', 'record_limits', 'record_use',
                                           'record_counted', 'record_orders', 'record_freeze', 'record_quotes',
                                           'record_quote_uses', 'record_quote_waits', 'record_offers', 'record_offer_use', 'record_pairs',
                                           'record_claims', 'record_charges', 'record_screening', 'record_closing', 'record_restore',
                                           'record_velocity_limits', 'record_velocity_uses',
                                           'record_watch_rules', 'record_watch_uses', 'record_watch_alarms',
                                           'record_opening', 'jump_numbers']),
                ('payswitch_api', ARRAY['end_own_key']),
                ('payswitch_caretaker', ARRAY['forget_probes', 'forget_artefacts', 'forget_claims', 'forget_velocity',
                                              'forget_quotes', 'forget_watch_uses'])
               ) AS wanted (role, names)
          JOIN pg_proc AS p ON p.pronamespace = 'switch'::regnamespace AND p.proname = ANY (wanted.names)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', given.signature, given.role);
    END LOOP;
END
$$;
