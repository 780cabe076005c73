-- fixings: every fixing, with the number of the change that set it.
SELECT change, country::text, source::text, target::text, provider, rate, valid_until FROM switch.fx_fixing
