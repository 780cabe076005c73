"""Iran: Shetab and Pol for small amounts, PAYA and SATNA above. ISO 8583 over TCP, two bytes of length."""
