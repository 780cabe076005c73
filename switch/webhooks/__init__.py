"""Webhooks: signed delivery of a participant's events to its own URL, repeated until it succeeds.

The form is that of Standard Webhooks, with signatures by the switch's Ed25519 key (`v1a`) and by a secret
of the webhook (`v1`): headers `webhook-id`, `webhook-timestamp` and `webhook-signature` over
`id.timestamp.body`.
Delivery is at least once. Events of one payment arrive in order; others may overtake each other.
"""
