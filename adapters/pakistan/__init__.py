"""Pakistan: Raast. ISO 20022 in a `DataPDU`, signed in its header, answered in the same exchange."""
