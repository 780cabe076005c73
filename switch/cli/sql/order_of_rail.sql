-- order_of_rail: what the switch has of an order of a rail, and of its payment.
--   $1 UETR
SELECT o.ref, o.state, o.reason, o.gateway, o.disputed,
       p.debit_minor, p.debit_currency, p.credit_minor, p.credit_currency, p.fee_minor, p.rate,
       u.quote
FROM switch.inbound_order AS o
LEFT JOIN switch.payment AS p ON p.uetr = o.uetr AND p.debtor_agent = o.gateway
LEFT JOIN switch.quote_use AS u ON u.number = p.number
WHERE o.uetr = $1 AND o.kind = 'order'
