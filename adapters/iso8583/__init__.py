"""ISO 8583 over TCP for the rails that use it: one codec, one connection pool, one client, one simulator.

The differences between two such rails are an `Iso8583Dialect`; the `pyiso8583` package encodes the bits.
"""
