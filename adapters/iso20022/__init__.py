"""What the rails that speak ISO 20022 XML have in common.

A country's package gives a `Dialect` (envelope, versions, fixed elements, statuses) and a profile; messages,
adapter and simulator are these.
"""
