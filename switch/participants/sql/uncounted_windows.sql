-- uncounted_windows: windows that are open or have just closed, so that no settlement has their positions yet.
--   $1 participant  $2 currency, or none for all
SELECT w.number FROM ledger.settlement_window AS w
LEFT JOIN switch.settlement AS s ON s.settlement_window = w.number
WHERE s.settlement_window IS NULL AND ($2::text IS NULL OR w.currency = $2) AND w.currency IN (
    SELECT currency FROM ledger.account WHERE owner = $1 AND purpose = 'position' AND NOT closed
) ORDER BY w.number
