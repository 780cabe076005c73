-- load_directory: all data for routing and pricing payments, in one snapshot, as one JSON document. Whoever adds a table here
-- adds a trigger that calls switch.directory_changed(); accounts are numbered by the one writer; what follows from an instant that passes is in `next`.
-- An instant beyond the calendar of the reader, such as infinity, counts as the first or the last of the calendar.
WITH calendar (first, last) AS (SELECT '0001-01-01 00:00:00+00'::timestamptz, '9999-12-31 00:00:00+00'::timestamptz)
SELECT jsonb_build_object(
    'snapshot', pg_current_snapshot()::text,
    'account', (SELECT coalesce(max(number), 0) FROM ledger.account),
    'next', (
        SELECT (extract(epoch FROM min(i.at)) * 1000000)::bigint FROM (
            SELECT min(valid_from) AS at FROM switch.fx_rate WHERE valid_from > statement_timestamp()
            UNION ALL SELECT min(valid_from) FROM switch.fx_fixing WHERE valid_from > statement_timestamp()
            UNION ALL SELECT min(valid_until) FROM switch.fx_fixing WHERE valid_until > statement_timestamp()
            UNION ALL SELECT min(valid_until) FROM switch.fx_offer WHERE valid_until > statement_timestamp()
            UNION ALL SELECT min(valid_until) FROM switch.pair_control WHERE valid_until > statement_timestamp()
            UNION ALL SELECT min(opens_at) FROM switch.rail WHERE opens_at > statement_timestamp()
        ) AS i WHERE i.at <= calendar.last
    ),
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
    'bearers', ({bearers}),
    'corridors', (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM switch.corridor AS c),
    'tariffs', (
        SELECT coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(t) - '{change,valid_from,valid_until}'::text[] || jsonb_build_object(
            'valid_from', (extract(epoch FROM greatest(calendar.first, least(calendar.last, t.valid_from))) * 1000000)::bigint,
            'valid_until', CASE WHEN t.valid_until IS NOT NULL THEN
                (extract(epoch FROM greatest(calendar.first, least(calendar.last, t.valid_until))) * 1000000)::bigint
            END
        )) ORDER BY t.number), '[]') FROM switch.tariff AS t
        WHERE t.valid_until IS NULL OR t.valid_until > clock_timestamp() - interval '1 hour'
    ),
    'velocity_limits', (
        SELECT coalesce(jsonb_agg(jsonb_build_array(v.scope, v.participant, v.currency)
                                  ORDER BY v.scope, v.participant, v.currency), '[]')
        FROM switch.velocity_limit AS v
        WHERE coalesce(v.hour_count, v.hour_minor, v.day_count, v.day_minor) IS NOT NULL
    ),
    'watched', EXISTS (SELECT FROM switch.watch_rule),
    'corridor_rules', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'source', r.source, 'target', r.target,
            'valid_from', (extract(epoch FROM least(calendar.last, r.valid_from)) * 1000000)::bigint,
            'addresses', r.addresses, 'full_above_minor', r.full_above_minor, 'currency', r.currency,
            'originator', r.originator, 'beneficiary', r.beneficiary,
            'purpose_list', r.purpose_list, 'purpose_codes', r.purpose_codes,
            'regulatory_list', r.regulatory_list, 'regulatory_codes', r.regulatory_codes
        ) ORDER BY r.valid_from, r.change), '[]') FROM (
            SELECT * FROM switch.corridor_rules WHERE valid_from > clock_timestamp()
            UNION ALL
            (SELECT DISTINCT ON (source, target) * FROM switch.corridor_rules
             WHERE valid_from <= clock_timestamp() ORDER BY source, target, valid_from DESC, change DESC)
        ) AS r
    ),
    'rates', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'source', r.source, 'target', r.target, 'provider', r.provider, 'rate', r.rate::text, 'since', (extract(epoch FROM greatest(calendar.first, r.valid_from)) * 1000000)::bigint
        )), '[]') FROM (
            SELECT DISTINCT ON (source, target) * FROM switch.fx_rate
            WHERE valid_from <= clock_timestamp() ORDER BY source, target, valid_from DESC
        ) AS r
    ),
    'offers', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'number', o.number, 'provider', o.provider, 'source', o.source, 'target', o.target, 'tiers', o.tiers,
            'since', (extract(epoch FROM o.published_at) * 1000000)::bigint,
            'ended', o.tiers = '[]' OR o.valid_until <= clock_timestamp(), 'limited', o.inventory_minor IS NOT NULL,
            'improvements', o.improvements
        ) ORDER BY o.number), '[]') FROM switch.fx_offer AS o
    ),
    'fixings', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'source', f.source, 'target', f.target, 'provider', f.provider, 'rate', f.rate::text,
            'since', (extract(epoch FROM f.valid_from) * 1000000)::bigint
        ) ORDER BY f.source, f.target), '[]') FROM (
            SELECT DISTINCT ON (source, target) * FROM switch.fx_fixing
            WHERE valid_from <= clock_timestamp() AND valid_until > clock_timestamp()
            ORDER BY source, target, change DESC
        ) AS f
    ),
    'pairs', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'source', p.source, 'target', p.target, 'blocked', p.blocked, 'lowest', p.lowest, 'highest', p.highest
        ) ORDER BY p.source, p.target, p.country), '[]')
          FROM switch.pair_control AS p
         WHERE (p.valid_until IS NULL OR p.valid_until > clock_timestamp())
           AND (p.blocked OR p.lowest <> '' OR p.highest <> '')
    ),
    'inventories', ({inventories}),
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
    'screening', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'number', s.number, 'lists', s.lists, 'threshold', s.threshold,
            'since', (extract(epoch FROM s.in_force_from) * 1000000)::bigint
        ) ORDER BY s.in_force_from, s.number), '[]') FROM switch.screening_set AS s
        WHERE s.in_force_from >= coalesce(
            (SELECT max(f.in_force_from) FROM switch.screening_set AS f WHERE f.in_force_from <= clock_timestamp()
               AND (f.lists = '{}' OR EXISTS (SELECT FROM switch.screening_tables AS t WHERE t.number = f.number))),
            (SELECT max(f.in_force_from) FROM switch.screening_set AS f WHERE f.in_force_from <= clock_timestamp()),
            s.in_force_from
        )
    ),
    'screening_engines', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'number', s.number, 'form', s.form, 'address', s.address, 'threshold', s.threshold,
            'within_ms', s.within_ms,
            'since', (extract(epoch FROM s.in_force_from) * 1000000)::bigint
        ) ORDER BY s.in_force_from, s.number), '[]') FROM switch.screening_engine AS s
        WHERE s.in_force_from >= coalesce(
            (SELECT max(f.in_force_from) FROM switch.screening_engine AS f WHERE f.in_force_from <= clock_timestamp()),
            s.in_force_from
        )
    ),
    'closed', EXISTS (SELECT FROM switch.closed),
    'stated_days', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'currency', d.currency, 'day', d.day, 'business', d.business
        ) ORDER BY d.currency, d.day), '[]') FROM switch.calendar_override AS d
        WHERE d.day >= current_date - 2 AND d.day <= calendar.last::date
    )
)::text FROM calendar;
