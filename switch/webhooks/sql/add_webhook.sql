-- add_webhook: add a webhook for events from now on, unless the participant has too many.
--   $1 participant  $2 URL  $3 types  $4 maximum
INSERT INTO switch.webhook (participant, url, types, cursor)
SELECT $1, $2, $3, (SELECT next_seq - 1 FROM ledger.head)
WHERE (SELECT count(*) FROM switch.webhook WHERE participant = $1) < $4 RETURNING *
