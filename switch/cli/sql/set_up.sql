-- set_up: what payments and settlement need that people set up, and what of it is missing.
WITH bank AS (SELECT id, country FROM switch.participant WHERE kind = 'direct' AND status = 'active'),
     position AS (
         SELECT a.owner, a.currency::text AS currency, a.net_debit_cap AS cap, a.credits_posted
           FROM ledger.account AS a JOIN switch.participant AS p ON p.id = a.owner
          WHERE p.kind IN ('direct', 'fx_provider') AND p.status = 'active' AND a.purpose = 'position'
     )
SELECT (SELECT count(*) FROM switch.person WHERE role = 'operator' AND status = 'active') AS operators,
       (SELECT count(*) FROM switch.person WHERE role = 'checker' AND status = 'active') AS checkers,
       (SELECT count(*) FROM bank) AS participants,
       ARRAY(SELECT p.id FROM bank AS p
             WHERE NOT EXISTS (SELECT FROM switch.bearer_key AS b WHERE b.participant = p.id)
               AND NOT EXISTS (SELECT FROM switch.participant_key AS k WHERE k.participant = p.id
                               AND (k.valid_until IS NULL OR k.valid_until > clock_timestamp()))
             ORDER BY p.id LIMIT 10) AS keyless,
       ARRAY(SELECT DISTINCT b.country::text FROM bank AS b
             WHERE NOT EXISTS (SELECT FROM switch.person AS r WHERE r.role = 'regulator' AND r.status = 'active'
                               AND r.scope = b.country::text) ORDER BY 1) AS unregulated,
       ARRAY(SELECT DISTINCT p.currency FROM position AS p
             WHERE NOT EXISTS (SELECT FROM switch.window_schedule AS s WHERE s.currency = p.currency AND s.enabled)
             ORDER BY 1) AS unscheduled,
       ARRAY(SELECT DISTINCT p.currency FROM position AS p
             WHERE NOT EXISTS (SELECT FROM switch.settlement_agent AS s WHERE s.currency = p.currency)
             ORDER BY 1) AS agentless,
       ARRAY(SELECT p.owner || ' ' || p.currency FROM position AS p
             WHERE p.cap = 0 AND p.credits_posted = 0 ORDER BY 1 LIMIT 10) AS penniless,
       ARRAY(SELECT country::text FROM switch.rail) AS rails,
       ARRAY(SELECT country::text FROM switch.rail WHERE NOT open AND opens_at IS NULL ORDER BY 1) AS closed,
       (SELECT count(*) FROM switch.corridor WHERE enabled) AS corridors,
       ARRAY(SELECT source || '-' || target FROM switch.corridor WHERE enabled) AS directions,
       ARRAY(SELECT DISTINCT source || '-' || target FROM switch.fx_rate
             WHERE valid_from <= clock_timestamp()) AS rates
