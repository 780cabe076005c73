-- made_periods: the periods of which a schedule has made its report.
--   $1 schedule  $2 names of periods
SELECT period FROM switch.report_delivery WHERE schedule = $1 AND period = ANY ($2)
