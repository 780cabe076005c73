"""The common parts of rails that use ISO 20022 XML.

A country's package provides an `IsoDialect` (envelope, versions, fixed elements, statuses) and a profile.
Messages, adapter and simulator are shared.
"""
