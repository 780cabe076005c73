-- apply: one batch as a whole, or not at all; the sequence number that comes next.
--   $1 epoch  $2 first sequence number  $3 time  then columns as Batch.arguments gives them
-- Columns of the hot path are the text of arrays: the server reads that faster than any driver writes arrays.
SELECT ledger.apply(
    $1, $2, $3,
    $4::text::bigint[], $5::text::text[], $6::text::integer[], $7::text::integer[], $8::text::integer[], $9,
    $10::text::bigint[], $11::text::uuid[], $12::text::text[], $13::text::text[], $14::text::bigint[],
    $15::text::bigint[], $16::text::integer[], $17::text::integer[], $18,
    $19::text::bigint[], $20::text::smallint[], $21::text::bigint[], $22::text::bigint[],
    $23::text::bigint[], $24::text::text[],
    $25::text::bigint[], $26::text::bigint[], $27::text::text[],
    $28::text::bigint[], $29::text::boolean[], $30::text::bigint[],
    $31::text::bigint[], $32::text::bigint[], $33::text::bigint[], $34::text::bigint[], $35::text::bigint[],
    $36::text::bigint[], $37::text::bigint[], $38::text::bigint[], $39::text::bigint[], $40::text::bigint[],
    $41, $42, $43, $44,
    $45, $46,
    $47, $48
) AS next_seq
