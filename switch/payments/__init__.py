"""The way of a payment: intake, routing, pricing, dispatch, reconciliation, reading back."""
