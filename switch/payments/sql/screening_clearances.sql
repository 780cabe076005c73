-- screening_clearances: pairs of a party and a listed entry that are no hits today, and in whose payments; empty: all.
SELECT DISTINCT party, entry, participant FROM switch.screening_clearance
WHERE party IS NOT NULL AND ended_by IS NULL AND expires_on >= (clock_timestamp() AT TIME ZONE 'UTC')::date
