"""Webhooks: signed delivery of a participant's events to its own URL, repeated until it succeeds.

The form is that of Standard Webhooks with Ed25519 signatures (`v1a`): headers `webhook-id`,
`webhook-timestamp` and `webhook-signature` over `id.timestamp.body`. Delivery is at least once and in no
guaranteed order; each event carries its sequence number.
"""
