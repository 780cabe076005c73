-- send_test: make a test delivery due now, in place of an earlier one.
--   $1 webhook  $2 sequence number of test deliveries  $3 body
INSERT INTO switch.webhook_delivery (webhook, seq, body) VALUES ($1, $2, $3)
ON CONFLICT (webhook, seq) DO UPDATE
SET body = excluded.body, attempts = 0, status = 0, detail = '', micros = 0, due_at = clock_timestamp(),
    done_at = NULL, made_at = now()
