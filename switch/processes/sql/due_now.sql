-- due_now: the caretaker's one question, ten times a second: the database clock, of the given rails those with a payment
-- that is due, as `due_payments` means it, whether a change is approved or a confirmation waits, and the rails with orders
-- that are due, with answers to them, or with look-ups that wait for a price; and whether a refund of an order may be due. What follows is asked by the statements of
-- its own part, so a row that they do not take costs only a look.
--   $1 rails
SELECT clock_timestamp() AS now,
       ARRAY(
         SELECT DISTINCT o.rail
         FROM switch.open_payment AS o
         LEFT JOIN switch.rail AS r ON r.country = o.rail
         WHERE o.rail = ANY($1::text[]) AND o.due_at <= clock_timestamp()
           AND (o.state <> 'RESERVED' OR o.expires_at <= clock_timestamp()
                OR r.open OR r.opens_at <= clock_timestamp())
       ) AS rails,
       EXISTS (SELECT FROM switch.change WHERE state = 'approved') AS approved,
       EXISTS (SELECT FROM switch.settlement_confirmation WHERE taken_at IS NULL) AS confirmations,
       ARRAY(
         SELECT DISTINCT i.rail::text FROM switch.inbound_order AS i
         WHERE i.due_at <= clock_timestamp() AND i.answer IS NULL
       ) AS orders,
       ARRAY(
         SELECT DISTINCT i.rail::text FROM switch.inbound_order AS i
         WHERE i.due_at <= clock_timestamp() AND i.answer IS NOT NULL
       ) AS answers,
       ARRAY(
         SELECT DISTINCT l.rail::text FROM switch.inbound_lookup AS l
         WHERE l.decided_at IS NULL AND l.waits_until > clock_timestamp()
       ) AS lookups,
       EXISTS (SELECT FROM switch.inbound_order WHERE refund_due_at <= clock_timestamp())
       OR EXISTS (SELECT FROM switch.part_refund WHERE refund_due_at <= clock_timestamp())
       OR EXISTS (
         SELECT FROM switch.inbound_order AS i JOIN switch.rail_inbound AS s ON s.rail = i.rail AND s.refunds_since IS NOT NULL
         WHERE i.disputed <> '' AND i.settled IS NULL AND i.refund = '' AND i.refund_due_at IS NULL
       ) AS refunds
