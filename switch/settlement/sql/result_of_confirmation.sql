-- result_of_confirmation: when a confirmation was processed, and with which result; none of an earlier release, JSON null
-- if its signature was not believed.
--   $1 SHA-256 of the confirmation  $2 its agent  $3 its signature
SELECT taken_at, result FROM switch.settlement_confirmation WHERE sha256 = $1 AND agent = $2 AND signature = $3
