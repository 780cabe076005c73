"""SQL of the reports; `switch.base.sql` says how it is kept."""

from switch.base.sql import statements

statement = statements("switch.reports")
