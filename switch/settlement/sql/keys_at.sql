-- keys_at: the keys of a participant that were in force at an instant, or by a clock that differs by some seconds.
--   $1 participant  $2 instant  $3 seconds
SELECT keyid, public_key FROM switch.participant_key
WHERE participant = $1 AND valid_from <= $2::timestamptz + make_interval(secs => $3)
  AND (valid_until IS NULL OR valid_until > $2::timestamptz - make_interval(secs => $3))
