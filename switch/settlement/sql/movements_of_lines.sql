-- movements_of_lines: what lines of settlements move, and the scheme's account.
--   $1 ids of lines
SELECT l.id, l.settlement_window, l.participant, l.account, l.net_minor + l.carried_minor AS minor, l.transfer,
       a.number AS scheme
FROM switch.settlement_line AS l
JOIN switch.settlement AS s USING (settlement_window)
JOIN ledger.account AS a ON a.owner = 'payswitch' AND a.currency = s.currency AND a.purpose = 'settlement'
WHERE l.id = ANY($1)
