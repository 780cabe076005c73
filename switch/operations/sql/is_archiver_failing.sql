-- is_archiver_failing: whether PostgreSQL's last attempt to archive its log failed.
SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver
