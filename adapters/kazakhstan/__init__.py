"""Kazakhstan: the interbank mobile payment system. ISO 20022 over HTTPS, answered in the same exchange."""
