-- write_key_uses: store the last uses of signing keys, unless a later one is stored.
--   $1 key ids  $2 instants  $3 by how many seconds the signers' clocks were ahead
INSERT INTO switch.key_use AS u (keyid, used_at, ahead_s)
SELECT t.keyid, t.used_at, t.ahead_s
FROM unnest($1::text[], $2::timestamptz[], $3::integer[]) AS t (keyid, used_at, ahead_s)
WHERE EXISTS (SELECT FROM switch.participant_key AS k WHERE k.keyid = t.keyid)
ON CONFLICT (keyid) DO UPDATE SET used_at = excluded.used_at, ahead_s = excluded.ahead_s
WHERE u.used_at < excluded.used_at
