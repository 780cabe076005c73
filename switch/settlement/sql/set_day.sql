-- set_day: override a day in the calendar of a currency.
--   $1 currency  $2 day  $3 whether it is a business day  $4 reason
INSERT INTO switch.calendar_override (currency, day, business, reason) VALUES ($1, $2, $3, $4)
ON CONFLICT (currency, day) DO UPDATE SET business = excluded.business, reason = excluded.reason
