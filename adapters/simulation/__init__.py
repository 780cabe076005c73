"""Simulated rails: a process each, with a book of its own, speaking the real wire over a socket."""
