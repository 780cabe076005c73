-- add_breaks: record the differences that are new; the parameters are those of the statement `differences`.
INSERT INTO switch.reconciliation_break (rail, cycle, ref, uetr, kind, detail)
SELECT $1, $2::date, ref, uetr, kind, detail FROM ({differences}) AS found
ON CONFLICT (rail, ref, kind) DO NOTHING
RETURNING kind
