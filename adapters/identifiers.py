"""National identifiers and their check digits.

Sources: ISO 13616 (IBAN), ISO 7064 (CNAPS code), ISO/IEC 7812 (Luhn), Bank of Russia No 515 of 1997 (account
key), NPCI and RBI publications (IFSC, VPA), EMVCo MPM (CRC). The Kyrgyz and Tajik account rules and the
SHA-256 check of ERIP and ELQR codes are not published; they were observed on public identifiers.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}", re.ASCII)
_VPA = re.compile(r"[A-Za-z0-9.\-]{2,}@[A-Za-z][A-Za-z0-9.]{1,63}", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)
_VPA_MAX: Final = 255
_RUSSIAN_LETTERS: Final = "ABCEHKMPTX"
"""Letters that stand for the digits 0 to 9 in position 6 of a Russian account."""


@dataclass(frozen=True)
class Iban:
    """The IBANs of one country; `account` is the pattern after the country code and the check digits."""

    country: str
    account: str
    bank_length: int = 4
    """Characters of the account, at its beginning, that are the code of the bank."""

    @cached_property
    def _shape(self) -> re.Pattern[str]:
        return re.compile(rf"{self.country}\d\d{self.account}", re.ASCII)

    def fits(self, text: str) -> bool:
        """Whether `text` is such an IBAN, by format and check digits."""
        return self._shape.fullmatch(text) is not None and _mod97(text[4:] + text[:4]) == 1

    def of(self, account: str) -> str:
        """The IBAN of a national account, with computed check digits.

        Raises:
            ValueError: the account does not have the country's format.

        """
        text = f"{self.country}{98 - _mod97(account + self.country + '00'):02}{account}"
        if not self.fits(text):
            raise ValueError(f"not an account of {self.country}")
        return text


def is_ifsc(text: str) -> bool:
    """Indian Financial System Code, by format; only the directory knows whether it exists."""
    return _IFSC.fullmatch(text) is not None


def is_vpa(text: str) -> bool:
    """Virtual payment address `user@handle`, by format; it has no check digit."""
    return len(text) <= _VPA_MAX and _VPA.fullmatch(text) is not None


def is_cnaps(text: str) -> bool:
    """Chinese clearing code of 12 digits: ISO 7064 MOD 11,10."""
    if len(text) != 12 or not _is_digits(text):  # noqa: PLR2004 - the length is the rule
        return False
    product = 10
    for digit in text[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (product + int(text[-1])) % 10 == 1


def is_luhn(text: str) -> bool:
    """Card numbers: ISO/IEC 7812 annex B."""
    if not _is_digits(text):
        return False
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in text[-2::-2]]
    return (sum(doubled) + sum(int(digit) for digit in text[::-2])) % 10 == 0


def is_russian_account(account: str, bik: str) -> bool:
    """Account of 20 characters with a key digit, checked with the BIK of its bank."""
    if len(bik) != 9 or not _is_digits(bik) or len(account) != 20:  # noqa: PLR2004 - the lengths are the rule
        return False
    # Accounts at the Bank of Russia, including correspondent accounts, are keyed by its division.
    held_at_central_bank = account.startswith("30101") or bik[6:] in {"000", "001", "002"}
    prefix = "0" + bik[4:6] if held_at_central_bank else bik[6:]
    letter = account[5]
    if letter in _RUSSIAN_LETTERS:
        account = f"{account[:5]}{_RUSSIAN_LETTERS.index(letter)}{account[6:]}"
    return _weighs_ten(prefix + account)


def is_tajik_account(account: str, bik: str) -> bool:
    """Account of 14 or 20 digits: the Russian key, with the last three digits of the holder's BIK."""
    known = len(account) in {14, 20} and len(bik) == 9 and _is_digits(bik)  # noqa: PLR2004
    return known and _weighs_ten(bik[6:] + account)


def is_kyrgyz_account(text: str) -> bool:
    """Account of 16 digits whose last two are the first 14 modulo 97."""
    return len(text) == 16 and _is_digits(text) and int(text[:14]) % 97 == int(text[14:])  # noqa: PLR2004


def kyrgyz_account(first: str) -> str:
    """The account for its first 14 digits."""
    if len(first) != 14 or not _is_digits(first):  # noqa: PLR2004
        raise ValueError("not 14 digits")
    return f"{first}{int(first) % 97:02}"


def is_emv_crc(text: str) -> bool:
    """EMVCo and Raast codes: the last four characters are CRC-16/CCITT-FALSE of everything before."""
    return len(text) > 4 and f"{_crc16(text[:-4].encode()):04X}" == text[-4:].upper()  # noqa: PLR2004


def is_sha4(text: str) -> bool:
    """ERIP and ELQR codes: the last four characters end the SHA-256 of all objects but the last."""
    if len(text) <= 8:  # noqa: PLR2004 - tag, length and the four characters
        return False
    return hashlib.sha256(text[:-8].encode()).hexdigest()[-4:] == text[-4:].lower()


def is_nspk_link(link: str) -> bool:
    """Payment links of the Russian NSPK: `crc` is CRC-16/CCITT-FALSE of the link before `&crc=`.

    Observed on three links only: log a mismatch, do not refuse the link.
    """
    before, separator, crc = link.rpartition("&crc=")
    return bool(separator) and f"{_crc16(before.encode()):04X}" == crc.upper()


def rrn(at: datetime, serial: int) -> str:
    """Retrieval reference of twelve digits, `YDDDHHnnnnnn`, in the time zone of `at`."""
    if not 0 <= serial < 10**6:
        raise ValueError("serial out of range")
    return f"{at.year % 10}{at.timetuple().tm_yday:03}{at.hour:02}{serial:06}"


def _is_digits(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None


def _mod97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97


def _weighs_ten(text: str) -> bool:
    """Weights 7, 1, 3 over all digits, key included: the last digit of the sum is zero."""
    if not _is_digits(text):
        return False
    return sum(int(digit) * (7, 1, 3)[place % 3] % 10 for place, digit in enumerate(text)) % 10 == 0


def _crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc
