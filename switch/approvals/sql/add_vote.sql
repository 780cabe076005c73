-- add_vote: insert a vote on a change.
--   $1 change  $2 seat  $3 person  $4 maker of the change  $5 decision  $6 reason
INSERT INTO switch.change_vote (change, seat, person, maker, decision, reason)
VALUES ($1, $2, $3, $4, $5, $6)
