-- add_parties: store the parties read from payments.
--   $1 numbers  $2 debtors' pseudonyms  $3 creditors' pseudonyms  $4 missing data, separated by commas
INSERT INTO switch.payment_party (number, debtor, creditor, missing)
SELECT t.number, t.debtor, t.creditor, CASE t.missing WHEN '' THEN '{}' ELSE string_to_array(t.missing, ',') END
  FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[]) AS t (number, debtor, creditor, missing)
ON CONFLICT DO NOTHING;
