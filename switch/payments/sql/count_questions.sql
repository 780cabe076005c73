-- count_questions: the questions about payments that await a reply of a participant.
--   $1 agent that was asked
SELECT count(*) FROM switch.investigation WHERE answerer = $1 AND ended_at IS NULL AND until_at IS NOT NULL
