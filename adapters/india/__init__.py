"""India: UPI. Signed XML over HTTPS, acknowledged at once, answered later by a callback."""
