-- is_seal_needed: whether somebody signs in with an authenticator, whose secret is sealed with DATA/people/seal.key.
SELECT EXISTS (SELECT FROM switch.person WHERE totp_secret IS NOT NULL AND status <> 'removed');
