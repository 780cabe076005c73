"""Lists of purpose and balance-of-payments codes: who keeps each, the form of its codes, and its source.

The lists of authorities change by their own acts, and most are no public data sets. So what is stated here is
the form of their codes; the codes themselves, if only some may be used, are data of a corridor, which two
people set.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas.codes import code_sets

ANY: Final = "ANY"
ISO: Final = "ISO"


@dataclass(frozen=True, slots=True)
class CodeList:
    """A list of codes of one authority."""

    name: str
    title: str
    form: str
    """The form of a code, for people."""
    pattern: re.Pattern[str]
    source: str
    """The act that the list is an annex of, or the page that publishes it."""

    def has(self, code: str) -> bool:
        """Whether a code has the form of the list; of a list that is here, whether it is in it."""
        if self.name == ISO:
            return code in code_sets()["ExternalPurpose1Code"]
        return self.pattern.fullmatch(code) is not None


LISTS: Final[Mapping[str, CodeList]] = MappingProxyType(
    {
        each.name: each
        for each in (
            CodeList(ANY, "any code", "1 to 35 characters", re.compile(r".{1,35}"), "this switch"),
            CodeList(
                ISO,
                "ISO 20022 external purpose codes",
                "a code of ExternalPurpose1Code, such as SALA",
                re.compile(r"[A-Z0-9]{1,4}"),
                "https://www.iso20022.org/catalogue-messages/additional-content-messages/external-code-sets",
            ),
            CodeList(
                "CN-SAFE",
                "balance-of-payments codes of the State Administration of Foreign Exchange of China",
                "six digits, such as 121010",
                re.compile(r"[1-9][0-9]{5}"),
                "SAFE, Hui Fa [2014] No. 21: classification and codes of external transactions, 2014 edition",
            ),
            CodeList(
                "IN-RBI",
                "purpose codes of the Reserve Bank of India (FETERS)",
                "P for receipts or S for payments, and four digits, such as P1301",
                re.compile(r"[PS][0-9]{4}"),
                "RBI, A.P. (DIR Series) Circular No. 84 of 29 February 2012, annex",
            ),
            CodeList(
                "KZ-KNP",
                "payment purpose codes of the National Bank of Kazakhstan (KNP)",
                "three digits, such as 119",
                re.compile(r"[0-9]{3}"),
                "National Bank of Kazakhstan, Board Resolution No. 203 of 31 August 2016",
            ),
            CodeList(
                "RU-VO",
                "codes of currency operations of the Bank of Russia",
                "VO and five digits, such as VO61150",
                re.compile(r"VO[0-9]{5}"),
                "Bank of Russia, Instruction No. 181-I of 16 August 2017, annex 1",
            ),
        )
    }
)
"""Name -> list."""
