-- is_known_message: whether this same message was stored, answered from the books, or returned a payment, before.
--   $1 id  $2 fingerprint
SELECT EXISTS (SELECT FROM switch.correspondence WHERE id = $1 AND fingerprint = $2)
    OR EXISTS (SELECT FROM switch.investigation WHERE id = $1 AND fingerprint = $2)
    OR EXISTS (SELECT FROM ledger.transfer WHERE id = $1 AND fingerprint = $2 AND kind = 'correction')
