"""China: IBPS and HVPS of CNAPS. A `{H:` header and ISO 20022 XML of 2009; three confirmations."""
