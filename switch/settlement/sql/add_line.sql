-- add_line: add a participant's line to a settlement; its account is the open position.
--   $1 window  $2 participant  $3 net  $4 carried from earlier windows  $5 id  $6 currency  $7 purpose of the account
INSERT INTO switch.settlement_line
    (settlement_window, participant, account, net_minor, carried_minor, state, id)
SELECT $1, $2, a.number, $3, $4, 'DUE', $5 FROM ledger.account AS a
WHERE a.owner = $2 AND a.currency = $6 AND a.purpose = $7
