-- use_nonces: store nonces; returns those that were not used before.
--   $1 ids  $2 instants until which they are stored, in seconds of Unix time
INSERT INTO switch.used_nonce (id, until)
SELECT n.id, to_timestamp(n.until) FROM unnest($1::uuid[], $2::bigint[]) AS n (id, until)
ON CONFLICT (id) DO NOTHING RETURNING id
