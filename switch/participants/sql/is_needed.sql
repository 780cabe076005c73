-- is_needed: whether a participant settles a currency, or a rate or an offer of its own is in force or will be.
--   $1 participant
SELECT true WHERE EXISTS (SELECT FROM switch.settlement_agent WHERE agent = $1)
   OR EXISTS (
       SELECT FROM switch.fx_rate AS r WHERE r.provider = $1 AND (
           r.valid_from > clock_timestamp() OR r.valid_from = (
               SELECT max(n.valid_from) FROM switch.fx_rate AS n
               WHERE n.source = r.source AND n.target = r.target AND n.valid_from <= clock_timestamp()
           )))
   OR EXISTS (
       SELECT FROM switch.fx_offer AS o
        WHERE o.provider = $1 AND o.tiers <> '[]' AND o.valid_until > clock_timestamp())
