-- is_event_of_owners: whether the subject of an event is a window, or a payment of these participants.
--   $1 number of the subject  $2 participants
SELECT EXISTS (SELECT FROM ledger.settlement_window WHERE number = $1)
    OR EXISTS (SELECT FROM switch.payment WHERE number = $1 AND number > 0
               AND (sender = ANY ($2) OR debtor_agent = ANY ($2)
                    OR (creditor_agent = ANY ($2) AND native_ref <> '')))
