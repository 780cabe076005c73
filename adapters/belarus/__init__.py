"""Belarus: the instant payment system. ISO 20022 over HTTPS, purpose mandatory."""
