-- audit_grow: store roots of complete subtrees; what is there stays.
--   $1 levels  $2 positions  $3 hashes
INSERT INTO ledger.audit_node (level, position, hash)
SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
ON CONFLICT DO NOTHING;
