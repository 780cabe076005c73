-- What came back of payments: figures and reports count it here alone.
CREATE VIEW switch.payment_return AS
SELECT t.corrects AS payment, t.number, p.debit_minor, true AS whole, true AS with_fee
  FROM ledger.transfer AS t JOIN switch.payment AS p ON p.number = t.corrects
 WHERE t.corrects IS NOT NULL
UNION ALL -- parts, and what was returned at the rate in force; the last of those that return all of the credit is whole
SELECT x.payment, x.number, x.debit_minor,
       p.credit_minor <= (SELECT sum(y.credit_minor) FROM switch.part_return AS y WHERE y.payment = x.payment AND y.number <= x.number),
       false
  FROM switch.part_return AS x JOIN switch.payment AS p ON p.number = x.payment;
