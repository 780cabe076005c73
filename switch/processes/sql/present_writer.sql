-- present_writer: the id of the writer that took over last.
SELECT writer
  FROM ledger.head;
