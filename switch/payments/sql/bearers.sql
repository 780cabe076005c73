-- bearers: the bearer keys of a sandbox, by their hashes, as a part of the directory.
SELECT coalesce(jsonb_agg(jsonb_build_object('sha256', encode(b.sha256, 'hex'), 'participant', b.participant)), '[]')
FROM switch.bearer_key AS b
