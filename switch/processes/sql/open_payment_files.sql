-- open_payment_files: files that have not ended, oldest first; `valid`: the key that signed it is in force.
SELECT f.id, f.sender, f.whole, f.state, f.keyid, f.signature, f.base, f.sealed_key, f.received_at, f.ends_at, f.message_id, f.lines,
       f.total, f.detail, f.cancelled_at, clock_timestamp() AS now, k.public_key,
       f.keyid = '' OR (k.participant = f.sender AND k.valid_from <= clock_timestamp()
                        AND (k.valid_until IS NULL OR k.valid_until > clock_timestamp())) AS valid
FROM switch.payment_file AS f LEFT JOIN switch.participant_key AS k ON k.keyid = f.keyid
WHERE f.state IN ('received', 'sending') ORDER BY f.number
