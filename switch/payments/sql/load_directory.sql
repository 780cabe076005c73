-- load_directory: all data for routing and pricing payments, in one snapshot, as one JSON document.
-- An instant beyond the calendar of the reader, such as infinity, counts as the first or the last of the calendar.
WITH calendar (first, last) AS (SELECT '0001-01-01 00:00:00+00'::timestamptz, '9999-12-31 00:00:00+00'::timestamptz)
SELECT jsonb_build_object(
    'participants', (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM switch.participant AS p),
    'keys', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'keyid', k.keyid, 'participant', k.participant, 'algorithm', k.algorithm,
            'public_key', k.public_key,
            'valid_from', (extract(epoch FROM greatest(calendar.first, least(calendar.last, k.valid_from))) * 1000000)::bigint,
            'valid_until', CASE WHEN k.valid_until IS NOT NULL THEN
                (extract(epoch FROM greatest(calendar.first, least(calendar.last, k.valid_until))) * 1000000)::bigint
            END
        )), '[]') FROM switch.participant_key AS k
    ),
    'bearers', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('sha256', encode(b.sha256, 'hex'), 'participant', b.participant)), '[]')
        FROM switch.bearer_key AS b
    ),
    'corridors', (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM switch.corridor AS c),
    'rates', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'source', r.source, 'target', r.target, 'provider', r.provider, 'rate', r.rate::text
        )), '[]') FROM (
            SELECT DISTINCT ON (source, target) * FROM switch.fx_rate
            WHERE valid_from <= clock_timestamp() ORDER BY source, target, valid_from DESC
        ) AS r
    ),
    'rails', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'country', r.country,
            'open', r.open OR coalesce(r.opens_at <= clock_timestamp(), false),
            'opens_at', CASE WHEN r.opens_at IS NOT NULL THEN
                (extract(epoch FROM greatest(calendar.first, least(calendar.last, r.opens_at))) * 1000000)::bigint
            END,
            'tightening', jsonb_build_object(
                'minimum_minor', r.minimum_minor, 'maximum_minor', r.maximum_minor,
                'hours_from', r.hours_from, 'hours_to', r.hours_to, 'fee_max_bps', r.fee_max_bps
            )
        )), '[]') FROM switch.rail AS r
    ),
    'schedules', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'currency', s.currency, 'country', s.country, 'zone', s.zone, 'closes_at', s.closes_at
        )), '[]') FROM switch.window_schedule AS s WHERE s.enabled
    ),
    'accounts', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', a.number, 'owner', a.owner, 'currency', a.currency, 'purpose', a.purpose
        )), '[]') FROM ledger.account AS a
    ),
    'closed', EXISTS (SELECT FROM switch.closed),
    'stated_days', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'currency', d.currency, 'day', d.day, 'business', d.business
        ) ORDER BY d.currency, d.day), '[]') FROM switch.calendar_override AS d
        WHERE d.day >= current_date - 2 AND d.day <= calendar.last::date
    )
)::text FROM calendar;
