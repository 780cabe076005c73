-- liquidity_of_account: what an account could be debited now, and the limits on payments of its participant.
--   $1 account  $2 participant  $3 currency
SELECT a.credits_posted + a.net_debit_cap - a.debits_posted - a.debits_pending AS headroom,
       l.per_payment, l.per_day, coalesce(u.minor, 0)::bigint AS used_minor
  FROM ledger.account AS a
  LEFT JOIN switch.payment_limit AS l ON l.participant = $2 AND l.currency = $3
  LEFT JOIN switch.daily_use AS u
    ON u.participant = $2 AND u.currency = $3 AND u.day = (clock_timestamp() AT TIME ZONE 'UTC')::date
 WHERE a.number = $1
