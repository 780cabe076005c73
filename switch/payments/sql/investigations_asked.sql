-- investigations_asked: what was asked of a bank by messages of this id: at most one from each sender. What only the
-- books answer was never passed on to it (`until_at`), and is as if it had not been asked.
--   $1 agent that was asked  $2 id of the message
SELECT * FROM switch.investigation WHERE answerer = $1 AND message_id = $2 AND until_at IS NOT NULL
