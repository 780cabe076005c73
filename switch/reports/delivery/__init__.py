"""Reports by schedule: made when a period is over, and delivered to destinations that two people allowed.

The caretaker makes the report of each period once and puts its package into the outbox,
`switch.report_delivery`. The messenger delivers what is in it, again and again until the receiver accepts it.
A package has one name for ever, so a repetition replaces nothing and arrives under no other name.
"""
