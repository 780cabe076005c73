-- set_identity_provider: register an identity provider, or change a registered one.
--   $1 id  $2 title  $3 issuer  $4 client id  $5 scope  $6 claim with groups  $7 group=role  $8 people are added at once
--   $9 values of acr or amr that state a second factor
INSERT INTO switch.identity_provider
    (id, title, issuer, client_id, scope, claim, grants, just_in_time, second_factors)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET
    title = excluded.title, client_id = excluded.client_id, claim = excluded.claim, grants = excluded.grants,
    just_in_time = excluded.just_in_time, second_factors = excluded.second_factors
