-- screening_officers: who decides about held payments: every setting.
SELECT participant, decided_by, change FROM switch.screening_officers ORDER BY participant
