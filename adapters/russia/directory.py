"""The directory of Russian banks: ED807, which the Bank of Russia publishes every day.

The BIK of a bank gives its correspondent account, which orders must state, and its UIS (the ten-digit id of
an author of messages). Only banks that are active on the directory's day and whose account is not restricted
are kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from lxml.etree import _Element as Element

from adapters.russia.envelope import NAMESPACE, parse
from schemas.errors import InvalidMessage

MAX_BYTES: Final = 64 * 1024 * 1024
SANDBOX: Final = Path(__file__).with_name("directory.xml")
"""Invented banks in a region that does not exist."""

_CORRESPONDENT: Final = "CRSA"
_TAG: Final = f"{{{NAMESPACE}}}"


@dataclass(frozen=True, slots=True)
class Bank:
    """A participant of the Bank of Russia's system."""

    bik: str
    account: str
    """Correspondent account, 20 digits."""
    uid: str
    name: str
    swift: str | None = None


@dataclass(frozen=True, slots=True)
class BankDirectory:
    """Banks by BIK, and by SWIFT BIC of eight characters."""

    banks: Mapping[str, Bank]
    by_swift: Mapping[str, Bank]

    @classmethod
    def of(cls, banks: Iterable[Bank]) -> "BankDirectory":
        """Build from its banks; if several have the same SWIFT BIC, the first is used."""
        by_bik = {bank.bik: bank for bank in banks}
        by_swift: dict[str, Bank] = {}
        for bank in by_bik.values():
            if bank.swift:
                by_swift.setdefault(bank.swift[:8], bank)
        return cls(by_bik, by_swift)

    def find(self, bik: str | None, swift: str | None) -> Bank | None:
        """The bank with this BIK, otherwise with this SWIFT BIC."""
        return self.banks.get(bik or "") or self.by_swift.get((swift or "")[:8])


@cache
def load(path: Path = SANDBOX) -> BankDirectory:
    """Read the directory from a file.

    Raises:
        ValueError: not an ED807.

    """
    try:
        return read(path.read_bytes())
    except InvalidMessage as error:
        raise ValueError(f"not a directory of Russian banks: {path}") from error


def read(raw: bytes) -> BankDirectory:
    """Parse the directory of an ED807.

    Raises:
        InvalidMessage: not an ED807.

    """
    root = parse(raw, MAX_BYTES)
    if root.tag != f"{_TAG}ED807":
        raise InvalidMessage("not an ED807")
    banks = []
    for entry in root.iterfind(f"{_TAG}BICDirectoryEntry"):
        info, account = entry.find(f"{_TAG}ParticipantInfo"), _correspondent(entry)
        bik, swift = entry.get("BIC"), entry.find(f"{_TAG}SWBICS")
        if info is not None and bik and account:
            banks.append(
                Bank(
                    bik=bik,
                    account=account,
                    uid=info.get("UID", ""),
                    name=info.get("NameP", ""),
                    swift=swift.get("SWBIC") if swift is not None else None,
                )
            )
    return BankDirectory.of(banks)


def _correspondent(entry: Element) -> str | None:
    """The current account of the bank; None if it has none or a closed one."""
    for account in entry.iterfind(f"{_TAG}Accounts"):
        if account.get("RegulationAccountType") == _CORRESPONDENT and account.get("DateOut") is None:
            return account.get("Account")
    return None
