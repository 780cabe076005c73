"""Pakistan as data: its time zone, its calendar, and its entries in the sandbox and on the map."""

from typing import Final

from adapters.business_days import BusinessCalendar
from adapters.country import ECDSA, Country, CountryNames, SandboxBank
from adapters.identifiers import Iban

IBAN: Final = Iban("PK", r"[A-Z]{4}[A-Z0-9]{16}")

CALENDAR: Final = BusinessCalendar("PK", closings=((1, 1), (7, 1)))
"""Saturday and Sunday since October 2011; Friday is a working day.

The State Bank makes the first working day of each half-year a bank holiday: Monday 3 January in 2022, Monday
3 July in 2023. On 1 July 2024 PRISM continued with the value date of 30 June.
"""

COUNTRY: Final = Country(
    code="PK",
    names=CountryNames(en="Pakistan", ru="Пакистан", zh="巴基斯坦"),
    currency="PKR",
    zone="Asia/Karachi",
    calendar=CALENDAR,
    iban=IBAN,
    place=(400, 345),
    per_sdr="377.19444",
    large_payment=2_800_000,
    banks=(
        SandboxBank("indus-bank", "Indus Bank", "INDUPKKA"),
        SandboxBank("noor-wallet", "Noor Wallet", "NOORPKKA", algorithm=ECDSA),
    ),
)
