"""Names: their words in Latin letters, how similar two words are, and whether two names are of one payee."""
