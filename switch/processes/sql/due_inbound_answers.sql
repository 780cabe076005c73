-- due_inbound_answers: stored answers that a rail has not acknowledged, and that are to be sent now.
--   $1 rail  $2 how many
SELECT rail::text, kind, ref, uetr, sealed_key, answer, attempts FROM switch.inbound_order
WHERE rail = $1 AND due_at <= clock_timestamp() AND answer IS NOT NULL ORDER BY due_at LIMIT $2
