"""Webhooks: a participant's events, delivered to an address of its own, signed, until it has them.

The form is that of Standard Webhooks with Ed25519 signatures (`v1a`): headers `webhook-id`,
`webhook-timestamp` and `webhook-signature` over `id.timestamp.body`. Delivery is at least once and in no
promised order: each event carries its sequence number.
"""
