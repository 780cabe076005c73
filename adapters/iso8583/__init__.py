"""ISO 8583 over TCP, for the rails that speak it: one codec, one connection pool, one client, one simulator.

What differs between two such rails is a `Dialect`; the bits themselves are the `pyiso8583` package's work.
"""
