-- add_inbound: keep what a rail asks; an order that was barred before it came is stopped, and what is known stays as it is.
--   $1 rail  $2 kind  $3 ref  $4 original  $5 UETR  $6 gateway  $7 state: barred, received or stopped  $8 digest  $9 sealed key
--   $10 request  $11 expiry  $12 reason  $13 reason of one that was barred
INSERT INTO switch.inbound_order AS o
       (rail, kind, ref, original, uetr, gateway, state, digest, sealed_key, request, expires_at, reason, decided_at, due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz, $12,
        CASE WHEN $7 <> 'received' THEN date_trunc('milliseconds', clock_timestamp()) END,
        CASE WHEN $7 <> 'barred' THEN clock_timestamp() END)
ON CONFLICT (rail, kind, ref) DO UPDATE
   SET gateway = excluded.gateway, state = 'stopped', digest = excluded.digest, sealed_key = excluded.sealed_key,
       request = excluded.request, expires_at = excluded.expires_at, reason = $13, due_at = clock_timestamp()
 WHERE o.state = 'barred' AND excluded.state <> 'barred'
