"""Uzbekistan as data: its clock, its calendar, and what the sandbox and the map show of it."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("UZ")
"""Saturday and Sunday, but for days to which a decree moves a working day."""

COUNTRY: Final = Country(
    code="UZ",
    names=CountryNames(en="Uzbekistan", ru="Узбекистан", zh="乌兹别克斯坦"),
    currency="UZS",
    zone="Asia/Tashkent",
    calendar=CALENDAR,
    place=(360, 215),
    per_sdr="17320",
    large_payment=120_000_000,
    banks=(SandboxBank("registan-bank", "Registan Bank", "REGIUZ22", funds=5_000_000_000_000),),
)
