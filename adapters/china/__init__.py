"""China: IBPS and HVPS of CNAPS. A `{H:` header and XML in ISO's dialect of 2009; three confirmations."""
