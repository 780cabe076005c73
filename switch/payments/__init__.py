"""Payments: intake, routing, pricing, dispatch, reconciliation, queries."""
