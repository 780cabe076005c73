-- open_windows: the open windows that close by a schedule, each with the days of its calendar that are overridden, and
-- the time now.
SELECT w.number, w.opened_at, clock_timestamp() AS now,
       s.currency::text, s.country::text, s.zone, s.closes_at,
       ARRAY(SELECT o.day FROM switch.calendar_override AS o WHERE o.currency = s.currency AND o.business) AS worked,
       ARRAY(SELECT o.day FROM switch.calendar_override AS o WHERE o.currency = s.currency AND NOT o.business) AS free
  FROM switch.window_schedule AS s
  JOIN ledger.settlement_window AS w ON w.currency = s.currency AND w.closing_seq IS NULL
 WHERE s.enabled
 ORDER BY s.currency;
