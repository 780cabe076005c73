-- rail_returns: what rails gave back, and whether it is the whole amount that was credited.
SELECT p.uetr, p.rail, r.reference, encode(sha256(r.message), 'hex') AS sha256, r.reason, r.minor,
       (r.minor, r.currency) = (p.credit_minor, p.credit_currency::char(3)) AS whole
FROM switch.rail_return AS r JOIN switch.payment AS p USING (number)
