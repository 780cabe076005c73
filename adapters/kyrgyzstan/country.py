"""Kyrgyzstan as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank

CALENDAR: Final = BusinessCalendar("KG")
"""Saturday and Sunday; until January 2025 the government moved working days to some of them.

The Labour Code of 23 January 2025 ended this and made 23 February, 7 April, 7 and 8 November working days.
"""

COUNTRY: Final = Country(
    code="KG",
    names=CountryNames(en="Kyrgyzstan", ru="Кыргызстан", zh="吉尔吉斯斯坦"),
    currency="KGS",
    zone="Asia/Bishkek",
    calendar=CALENDAR,
    place=(505, 205),
    per_sdr="119.1",
    large_payment=870_000,
    banks=(SandboxBank("naryn-bank", "Naryn Bank", "NARYKG22"),),
)
