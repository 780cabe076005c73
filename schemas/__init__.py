"""Message schemas: ISO 20022 messages, the canonical payment, money, identifiers, reasons and errors."""
