"""Kyrgyzstan: ELQR payments by the IPC operator. JSON over HTTPS: check, create, execute, then a push."""
