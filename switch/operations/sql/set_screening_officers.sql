-- set_screening_officers: set who decides about held payments of a participant.
--   $1 participant  $2 who decides  $3 change
INSERT INTO switch.screening_officers (participant, decided_by, change) VALUES ($1, $2, $3)
ON CONFLICT (participant) DO UPDATE SET decided_by = excluded.decided_by, change = excluded.change
