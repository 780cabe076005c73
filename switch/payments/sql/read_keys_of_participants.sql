-- read_keys_of_participants: every signing key, and when it is valid, in microseconds since 1970.
-- An instant beyond the calendar of the reader, such as infinity, counts as the first or the last of the calendar.
WITH calendar (first, last) AS (SELECT '0001-01-01 00:00:00+00'::timestamptz, '9999-12-31 00:00:00+00'::timestamptz)
SELECT k.keyid, k.participant, k.public_key,
       (extract(epoch FROM greatest(calendar.first, least(calendar.last, k.valid_from))) * 1000000)::bigint AS valid_from,
       CASE WHEN k.valid_until IS NOT NULL THEN
           (extract(epoch FROM greatest(calendar.first, least(calendar.last, k.valid_until))) * 1000000)::bigint
       END AS valid_until
FROM switch.participant_key AS k, calendar
