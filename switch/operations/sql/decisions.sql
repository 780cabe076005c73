-- decisions: steps of changes in the log, and those that are on their way into it.
SELECT kind, body FROM ledger.event
WHERE kind IN ('CHANGE_REQUESTED', 'CHANGE_VOTE', 'CHANGE_APPROVED', 'CHANGE_EXECUTED', 'CHANGE_FAILED', 'SANDBOX_MADE')
UNION ALL
SELECT kind, body FROM switch.audit_note WHERE seq IS NULL
