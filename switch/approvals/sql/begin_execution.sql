-- begin_execution: record an attempt to execute an approved change that no other process executes; return whether
-- there was one before, and the digest of the effect that the last voter saw.
--   $1 change
WITH approved AS (
    SELECT number, tried_at IS NOT NULL AS again FROM switch.change
    WHERE number = $1 AND state = 'approved' FOR UPDATE SKIP LOCKED
)
UPDATE switch.change AS c SET tried_at = clock_timestamp()
FROM approved WHERE c.number = approved.number
RETURNING approved.again, c.seen
