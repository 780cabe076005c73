-- odd_confirmation: a confirmation that awaits an examination, and the participants whose lines it contradicts.
--   $1 SHA-256  $2 agent
SELECT (SELECT string_agg(DISTINCT one, ', ') FROM jsonb_array_elements_text(
            CASE WHEN jsonb_typeof(result -> 'contradictions') = 'array' THEN result -> 'contradictions' ELSE '[]' END
        ) AS one) AS contradictions
FROM switch.settlement_confirmation
WHERE sha256 = $1 AND agent = $2 AND examined IS NULL
  AND (result = 'null'::jsonb OR result -> 'unmatched' <> '0'::jsonb OR result -> 'contradictions' <> '[]'::jsonb)
ORDER BY received_at LIMIT 1
