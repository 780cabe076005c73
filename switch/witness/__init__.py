"""The witness: a program for others, which keeps a log's checkpoints and cosigns those that extend them.

It runs on a host of a central bank or a participant. It knows the public keys of the log and nothing else of
the switch: no database, no settings, no network of its own. It needs what `ledger` says about signed notes
and Merkle trees, and imports no other layer.
"""
