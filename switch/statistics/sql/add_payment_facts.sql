-- add_payment_facts: add what a part of the log adds to the facts; the parameters are those of the statement `payment_facts`.
INSERT INTO switch.payment_fact AS fact
    (span, at, sender, debtor_agent, creditor_agent, rail, debit_currency, credit_currency, outcome,
     payments, returned, debit_minor, credit_minor, fee_minor, returned_minor, within_10_s, within_60_s, within_1_h,
     priced, priced_minor, cost_micros, within_3, within_5)
{facts}
ON CONFLICT (span, at, debtor_agent, creditor_agent, sender, rail, debit_currency, credit_currency, outcome)
DO UPDATE SET
    payments = fact.payments + excluded.payments,
    returned = fact.returned + excluded.returned,
    debit_minor = fact.debit_minor + excluded.debit_minor,
    credit_minor = fact.credit_minor + excluded.credit_minor,
    fee_minor = fact.fee_minor + excluded.fee_minor,
    returned_minor = fact.returned_minor + excluded.returned_minor,
    within_10_s = fact.within_10_s + excluded.within_10_s,
    within_60_s = fact.within_60_s + excluded.within_60_s,
    within_1_h = fact.within_1_h + excluded.within_1_h,
    priced = fact.priced + excluded.priced,
    priced_minor = fact.priced_minor + excluded.priced_minor,
    cost_micros = fact.cost_micros + excluded.cost_micros,
    within_3 = fact.within_3 + excluded.within_3,
    within_5 = fact.within_5 + excluded.within_5
