-- set_up: what payments need that people set up: people, participants, keys, rails, corridors and rates.
SELECT (SELECT count(*) FROM switch.person WHERE role = 'operator' AND status = 'active') AS operators,
       (SELECT count(*) FROM switch.person WHERE role = 'checker' AND status = 'active') AS checkers,
       (SELECT count(*) FROM switch.participant WHERE kind = 'direct' AND status = 'active') AS participants,
       ARRAY(SELECT p.id FROM switch.participant AS p
             WHERE p.kind = 'direct' AND p.status = 'active'
               AND NOT EXISTS (SELECT FROM switch.bearer_key AS b WHERE b.participant = p.id)
               AND NOT EXISTS (SELECT FROM switch.participant_key AS k WHERE k.participant = p.id
                               AND (k.valid_until IS NULL OR k.valid_until > clock_timestamp()))
             ORDER BY p.id LIMIT 10) AS keyless,
       ARRAY(SELECT country::text FROM switch.rail) AS rails,
       (SELECT count(*) FROM switch.corridor WHERE enabled) AS corridors,
       ARRAY(SELECT source || '-' || target FROM switch.corridor WHERE enabled) AS directions,
       ARRAY(SELECT DISTINCT source || '-' || target FROM switch.fx_rate
             WHERE valid_from <= clock_timestamp()) AS rates
