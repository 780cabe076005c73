-- screening_clearances: pairs of a party and a listed entry that are no hits today.
SELECT DISTINCT party, entry FROM switch.screening_clearance
WHERE party IS NOT NULL AND ended_by IS NULL AND expires_on >= (clock_timestamp() AT TIME ZONE 'UTC')::date
