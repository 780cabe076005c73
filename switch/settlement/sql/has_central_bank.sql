-- has_central_bank: whether a person of the central bank of a country has ever enrolled.
--   $1 country
SELECT true FROM switch.person
WHERE role = 'regulator' AND scope = $1 AND (status <> 'invited' OR totp_step > 0) LIMIT 1
