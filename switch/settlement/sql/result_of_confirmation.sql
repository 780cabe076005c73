-- result_of_confirmation: when a confirmation was processed, and with which result; none of an earlier release.
--   $1 SHA-256 of the confirmation  $2 its agent
SELECT taken_at, result FROM switch.settlement_confirmation WHERE sha256 = $1 AND agent = $2
