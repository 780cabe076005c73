-- rates_of_providers: every exchange rate, and from when it is valid.
SELECT source::text, target::text, provider, rate, valid_from FROM switch.fx_rate
