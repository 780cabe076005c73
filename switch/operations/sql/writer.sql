-- writer: the writer's epoch, its number of events, and how many of them a signed checkpoint covers.
SELECT epoch, next_seq - 1 AS events, at, (SELECT coalesce(max(size), 0) FROM ledger.checkpoint) AS covered
FROM ledger.head
