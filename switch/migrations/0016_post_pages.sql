-- No API worker of release 0.1.0 runs any more: it served people and executed what they approved. With this file the
-- rights that it needed end (`grants_until_post.sql`), and `grants.sql` alone states those of `payswitch_api`. Changes that
-- such a worker left approved are executed like all others.
UPDATE switch.change SET tried_at = coalesce(tried_at, requested_at) WHERE state = 'approved';
