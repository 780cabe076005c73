-- count_recalls: the number of cancellation requests that await a reply of a participant.
--   $1 receiver
SELECT count(*) FROM switch.correspondence AS c
WHERE c.receiver = $1 AND c.definition LIKE 'camt.056.%' AND NOT EXISTS (
    SELECT FROM switch.correspondence AS a
    WHERE a.uetr = c.uetr AND a.sender = c.receiver AND a.seq > c.seq
)
