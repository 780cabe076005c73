-- identity_providers: the registered identity providers, by id.
SELECT id, title, issuer, client_id, scope, claim, grants, just_in_time, second_factors
FROM switch.identity_provider ORDER BY id
