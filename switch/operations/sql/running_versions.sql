-- running_versions: the processes that are connected to this database, with their versions.
SELECT split_part(application_name, ' ', 2) AS process,
       split_part(application_name, ' ', 3) AS version,
       count(*) AS connections
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name LIKE 'payswitch %'
  AND split_part(application_name, ' ', 2) <> 'command'
GROUP BY 1, 2
ORDER BY 1, 2
