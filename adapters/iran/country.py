"""Iran as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import FRIDAY, THURSDAY, BusinessCalendar
from adapters.country import Country, CountryNames, SandboxBank
from adapters.identifiers import Iban

IBAN: Final = Iban("IR", r"\d{22}", bank_length=3)

CALENDAR: Final = BusinessCalendar("IR", weekend=frozenset({THURSDAY, FRIDAY}))
"""Banks and SATNA are closed on Thursdays and Fridays."""

COUNTRY: Final = Country(
    code="IR",
    names=CountryNames(en="Iran", ru="Иран", zh="伊朗"),
    currency="IRR",
    zone="Asia/Tehran",
    calendar=CALENDAR,
    iban=IBAN,
    place=(230, 285),
    per_sdr="57400",
    large_payment=400_000_000,
    banks=(SandboxBank("alborz-bank", "Alborz Bank", "ALBOIRTH", funds=50_000_000_000_000),),
)
