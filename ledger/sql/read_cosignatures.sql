-- read_cosignatures: every checkpoint that a witness cosigned, in order, with the line.
SELECT c.size, c.key, c.line, p.note
  FROM ledger.cosignature AS c
  JOIN ledger.checkpoint AS p USING (size)
 ORDER BY c.size, c.key;
