-- read_screening_holds: the payments that screening holds.
SELECT number, uetr, fingerprint, sender, held_at, expires_at, screening, hit_count, decision
FROM switch.screening_hold WHERE ended_at IS NULL
