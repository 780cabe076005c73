-- add_payment_time_facts: add what a part of the log adds to the times; the parameters are those of `payment_time_facts`.
INSERT INTO switch.payment_time_fact AS fact
    (span, at, sender, debtor_agent, creditor_agent, rail, debit_currency, credit_currency, bucket, payments)
{facts}
ON CONFLICT (span, at, debtor_agent, creditor_agent, sender, rail, debit_currency, credit_currency, bucket)
DO UPDATE SET payments = fact.payments + excluded.payments
