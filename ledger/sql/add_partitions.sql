-- add_partitions: make partitions until the last ends some numbers ahead of the sequence; how many were made.
--   $1 table  $2 numbers of a partition  $3 numbers ahead
SELECT ledger.add_partitions($1::text::regclass, $2, head.next_seq + $3)
  FROM ledger.head;
