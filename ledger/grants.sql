-- The rights of each role in the ledger. `migrate` applies this file whole after the migrations, in one transaction,
-- every time: what is not stated here is nobody's, except the owner's. History is added to by the writer alone, and
-- changed by nobody.

REVOKE ALL ON ALL TABLES IN SCHEMA ledger, migration
  FROM payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader, payswitch_regulator;
REVOKE ALL ON SCHEMA ledger, migration
  FROM PUBLIC, payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader,
       payswitch_regulator;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger
  FROM PUBLIC, payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader,
       payswitch_regulator;

GRANT USAGE ON SCHEMA ledger
   TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader;

-- The writer: what `ledger.apply` writes, and what it begins an epoch with.
GRANT INSERT ON ledger.transfer, ledger.leg, ledger.resolution, ledger.event, ledger.window_balance, ledger.account,
                ledger.settlement_window, ledger.restore
   TO payswitch_writer;
GRANT UPDATE (epoch, writer, next_seq, at) ON ledger.head TO payswitch_writer;
GRANT UPDATE (closed, net_debit_cap, debits_pending, debits_posted, credits_pending, credits_posted, entries)
   ON ledger.account TO payswitch_writer;
GRANT UPDATE (closing_seq, closed_at) ON ledger.settlement_window TO payswitch_writer;

-- Whoever reads the ledger reads all of it.
GRANT SELECT ON ledger.head, ledger.account, ledger.transfer, ledger.leg, ledger.resolution, ledger.settlement_window,
                ledger.window_balance, ledger.event, ledger.audit_node, ledger.checkpoint, ledger.archive,
                ledger.archived_leaves, ledger.restore, ledger.cosignature
   TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_reader;

-- Each process checks before its start that the schema is that of its version.
GRANT USAGE ON SCHEMA migration TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader;
GRANT SELECT ON migration.applied TO payswitch_writer, payswitch_api, payswitch_pages, payswitch_caretaker, payswitch_messenger, payswitch_reader;

-- The caretaker: room for further events, and checkpoints, which cannot be taken back.
GRANT INSERT ON ledger.audit_node, ledger.checkpoint TO payswitch_caretaker;

-- The messenger: the events of payments; the log's proofs for witnesses, and what they say of it.
GRANT SELECT ON ledger.head, ledger.event, ledger.transfer, ledger.restore, ledger.audit_node, ledger.checkpoint,
                ledger.archived_leaves, ledger.cosignature
   TO payswitch_messenger;
GRANT INSERT (size, key, line) ON ledger.cosignature TO payswitch_api, payswitch_messenger;

-- Functions, with every signature of each: during an upgrade, old and new ones exist side by side.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT p.oid::regprocedure AS signature, wanted.role
          FROM (VALUES
                ('payswitch_writer', ARRAY['apply']),
                ('payswitch_caretaker', ARRAY['add_partitions'])
               ) AS wanted (role, names)
          JOIN pg_proc AS p ON p.pronamespace = 'ledger'::regnamespace AND p.proname = ANY (wanted.names)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', given.signature, given.role);
    END LOOP;
END
$$;
