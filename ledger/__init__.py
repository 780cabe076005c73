"""Who owes whom: accounts, two-phase transfers, the batching writer, windows and the audit tree."""
