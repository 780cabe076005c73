-- mark_inbound_contradicted: orders that were refused, and whose payment the other rail has executed after all.
UPDATE switch.inbound_order AS o SET disputed = 'the other rail executed it after it was refused'
  FROM switch.reconciliation_break AS b
 WHERE b.resolved_at IS NULL AND b.uetr = o.uetr AND b.kind IN ('credited_but_aborted', 'credited_unknown_here')
   AND o.kind = 'order' AND o.state IN ('refused', 'stopped', 'barred') AND o.disputed = '' AND o.settled IS NULL
