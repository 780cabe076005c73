-- key_uses: the last use of each of a participant's keys, newest first.
--   $1 participant
SELECT u.keyid, u.used_at, u.ahead_s FROM switch.key_use AS u JOIN switch.participant_key AS k USING (keyid)
WHERE k.participant = $1 ORDER BY u.used_at DESC
