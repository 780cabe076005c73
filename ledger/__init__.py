"""The ledger: accounts, two-phase transfers, the batching writer, windows and the audit tree."""
