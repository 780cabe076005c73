"""Sign-in, rights of each role, sessions, secrets and nonces."""
