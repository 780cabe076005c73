-- read_liquidity_facts: liquidity of accounts, by step of time, in the order of their keys.
--   $1 span  $2 from  $3 before  $4 owners, or null for all  $5 step of time  $6 after this key  $7 at most so many
WITH stepped AS (
    SELECT date_trunc($5, at, 'UTC') AS at, account, owner, currency, purpose,
           min(least) AS least, (array_agg(least_at ORDER BY least, least_at))[1] AS least_at,
           (array_agg(exposure ORDER BY at DESC))[1] AS exposure, (array_agg(cap ORDER BY at DESC))[1] AS cap
      FROM switch.liquidity_fact
     WHERE span = $1 AND at >= $2 AND at < $3 AND ($4::text[] IS NULL OR owner = ANY ($4))
     GROUP BY 1, 2, 3, 4, 5
), keyed AS (
    SELECT stepped.*, concat_ws('/', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), owner, currency,
                                purpose) COLLATE "C" AS key
      FROM stepped
)
SELECT * FROM keyed WHERE key > $6 ORDER BY key LIMIT $7
