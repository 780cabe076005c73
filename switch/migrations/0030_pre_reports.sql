-- Reports: what was made, what probes saw, what patterns are looked for, and a regulator's own view.

-- What was made, by whom, from how much of the log. A file is named by its hash; one whose personal data was shown
-- is handed out and not kept.
CREATE TABLE switch.report_artefact (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sha256     bytea NOT NULL CHECK (length(sha256) = 32),
    report     text NOT NULL,
    format     text NOT NULL,
    parameters text NOT NULL, -- canonical JSON
    scope      text NOT NULL,
    caller     text NOT NULL,
    revealed   boolean NOT NULL,
    as_of      bigint NOT NULL, -- sequence number up to which the ledger was read
    event      bigint NOT NULL, -- of the audited log: that it was asked for
    octets     bigint NOT NULL,
    signature  text NOT NULL, -- detached JWS over the file
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX report_artefact_sha256 ON switch.report_artefact (sha256);
REVOKE UPDATE, DELETE ON switch.report_artefact FROM payswitch_writer;

-- One look at one service. `every_s` is how often it was looked at: a longer silence was not observed.
CREATE TABLE switch.probe (
    service text NOT NULL,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ok      boolean NOT NULL,
    micros  bigint NOT NULL, -- until the answer
    every_s real NOT NULL,
    detail  text NOT NULL DEFAULT '',
    PRIMARY KEY (service, at)
);
REVOKE UPDATE, DELETE ON switch.probe FROM payswitch_writer;

-- Which accounts a payment was between, as keyed hashes: equal accounts are seen to be equal, none can be read.
-- Both are null where the message cannot be read (any more). `missing`: data that FATF recommendation 16 wants.
CREATE TABLE switch.payment_party (
    number   bigint PRIMARY KEY,
    debtor   bytea,
    creditor bytea,
    missing  text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX payment_party_pair ON switch.payment_party (debtor, creditor, number);

-- Rules of the large value and pattern report. A version never changes; amounts are in whole units of a currency.
CREATE TABLE switch.pattern_rules (
    version text PRIMARY KEY,
    rules   text NOT NULL, -- canonical JSON
    added_by text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
REVOKE UPDATE, DELETE ON switch.pattern_rules FROM payswitch_writer;

-- A regulator's people may read the database directly, and then see their own country through views only.
DO $do$
BEGIN
    CREATE ROLE payswitch_regulator NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END
$do$;

-- Which country a login of a central bank is of.
CREATE TABLE switch.regulator_login (
    login   name PRIMARY KEY,
    country char(2) NOT NULL
);
REVOKE INSERT, UPDATE, DELETE ON switch.regulator_login FROM payswitch_writer;

CREATE SCHEMA regulator;
REVOKE ALL ON SCHEMA regulator FROM payswitch_writer, payswitch_reader;
GRANT USAGE ON SCHEMA regulator TO payswitch_regulator;

-- Whose rows are shown: a login sees its own country, whatever it sets; the switch itself, connected as an owner of
-- these tables, says for whom it asks.
CREATE FUNCTION regulator.country() RETURNS char(2)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(
        (SELECT country FROM switch.regulator_login WHERE login = session_user),
        CASE WHEN pg_has_role(session_user, 'payswitch_writer', 'MEMBER')
             THEN nullif(current_setting('payswitch.country', true), '')::char(2) END
    )
$$;
REVOKE EXECUTE ON FUNCTION regulator.country FROM PUBLIC;
GRANT EXECUTE ON FUNCTION regulator.country TO payswitch_regulator;

CREATE VIEW regulator.participant WITH (security_barrier) AS
SELECT id, name, bic, country, kind, status FROM switch.participant WHERE country = regulator.country();

CREATE VIEW regulator.settlement_window WITH (security_barrier) AS
SELECT number, currency, opened_at, closing_seq, closed_at FROM ledger.settlement_window;

CREATE VIEW regulator.position WITH (security_barrier) AS
SELECT a.owner, a.currency, a.purpose, a.closed, a.net_debit_cap, a.debits_pending, a.debits_posted,
       a.credits_pending, a.credits_posted, a.entries
  FROM ledger.account AS a
  JOIN regulator.participant AS p ON p.id = a.owner;

CREATE VIEW regulator.window_balance WITH (security_barrier) AS
SELECT b.settlement_window, a.owner, a.currency, a.purpose, b.debits_posted, b.credits_posted, b.entries
  FROM ledger.window_balance AS b
  JOIN ledger.account AS a ON a.number = b.account
  JOIN regulator.participant AS p ON p.id = a.owner;

-- No message, no name, no account: those are revealed by the switch alone, to who has that right, and written down.
CREATE VIEW regulator.payment WITH (security_barrier) AS
SELECT p.number, p.uetr, p.message_name, p.debtor_agent, p.creditor_agent, p.rail, p.fx_provider, p.rate,
       p.debit_currency, p.debit_minor, p.credit_currency, p.credit_minor, p.fee_minor, r.outcome,
       o.state AS open_state
  FROM switch.payment AS p
  LEFT JOIN ledger.resolution AS r ON r.number = p.number
  LEFT JOIN switch.open_payment AS o ON o.number = p.number
 WHERE p.sender IN (SELECT id FROM regulator.participant)
    OR p.debtor_agent IN (SELECT id FROM regulator.participant)
    OR p.creditor_agent IN (SELECT id FROM regulator.participant);

CREATE VIEW regulator.payment_event WITH (security_barrier) AS
SELECT e.seq, e.number, e.at, e.kind, e.change, e.body, e.leaf
  FROM ledger.event AS e
  JOIN regulator.payment AS p ON p.number = e.number;

CREATE VIEW regulator.checkpoint WITH (security_barrier) AS
SELECT size, root, at, note FROM ledger.checkpoint;

CREATE VIEW regulator.probe WITH (security_barrier) AS
SELECT service, at, ok, micros, every_s FROM switch.probe
 WHERE service NOT LIKE 'rail-%' OR service = 'rail-' || regulator.country();

REVOKE ALL ON ALL TABLES IN SCHEMA regulator FROM payswitch_writer, payswitch_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA regulator TO payswitch_regulator;
