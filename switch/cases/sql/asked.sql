-- asked: questions about a case in the last hour, and seconds until the first of them is an hour old.
--   $1 case
SELECT count(*) AS n, coalesce(3600 - extract(epoch FROM clock_timestamp() - min(at)), 0)::float8 AS wait_s,
       bool_or(q.done_at IS NULL) AS waits
FROM switch.case_act AS a JOIN switch.case_question AS q ON q.act = a.number
WHERE a.file = $1 AND a.at > clock_timestamp() - interval '1 hour'
