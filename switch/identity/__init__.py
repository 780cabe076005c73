"""Who signs in, what each role may do, sessions, secrets and nonces."""
