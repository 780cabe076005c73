-- Ids of a participant in clearing systems: each whole, or the beginning that all its ids have. A message that states
-- the BIC of a participant with another member id is refused.
ALTER TABLE switch.participant ADD COLUMN member_ids text[] NOT NULL DEFAULT '{}';
