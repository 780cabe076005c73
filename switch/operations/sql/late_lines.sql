-- late_lines: lines of settlements whose money was held and released, and the scheme's account.
SELECT l.id, l.settlement_window, l.participant, l.account, l.net_minor + l.carried_minor AS minor, a.number AS scheme
FROM switch.settlement_line AS l
JOIN switch.settlement AS s USING (settlement_window)
JOIN ledger.account AS a ON a.owner = 'payswitch' AND a.currency = s.currency AND a.purpose = 'settlement'
WHERE l.transfer IS NOT NULL
