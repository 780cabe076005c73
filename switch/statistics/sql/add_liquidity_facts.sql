-- add_liquidity_facts: add what a part of the log adds to the liquidity; the parameters are those of `liquidity_facts`.
INSERT INTO switch.liquidity_fact AS fact
    (span, at, account, owner, currency, purpose, least, least_at, exposure, cap)
{facts}
ON CONFLICT (span, at, account)
DO UPDATE SET
    least = least(fact.least, excluded.least),
    least_at = CASE WHEN excluded.least < fact.least OR (fact.least IS NULL AND excluded.least IS NOT NULL)
                    THEN excluded.least_at ELSE fact.least_at END,
    exposure = excluded.exposure,
    cap = excluded.cap
