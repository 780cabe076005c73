-- examine_confirmation: note the change in which two people examined a confirmation.
--   $1 SHA-256  $2 agent  $3 change
WITH done AS (
    UPDATE switch.settlement_confirmation SET examined = $3
    WHERE sha256 = $1 AND agent = $2 AND examined IS NULL
      AND (result = 'null'::jsonb OR result -> 'unmatched' <> '0'::jsonb OR result -> 'contradictions' <> '[]'::jsonb)
    RETURNING 1
)
SELECT count(*) FROM done HAVING count(*) > 0
