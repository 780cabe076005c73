"""Texts that state nothing: what people and systems write where they have no name, town or identifier.

Where data of a party are required, such a text is no data. ISO 20022 has no rule for it. `NOTPROVIDED` is
usual in identifications of messages and payments (EndToEndId) and is allowed there: nobody asks this module
about them.

The words are whole texts, compared without case, spaces and punctuation, so a longer name that contains one
is data. They are in the languages of the ten countries. A text without letters, of one letter, once or
repeated (`X`, `xxx`), a form of address alone (`Mr`) or with such a text (`Mr X`), and several such words
(`unknown unknown`) state nothing either. Left out is every word that
some people have as their only name.
"""

import unicodedata
from typing import Final

_LETTER_LIKE: Final = frozenset("\u02bb\u02bc\u02b9")
"""Apostrophes of Uzbek, which Unicode counts as letters."""

_PERSIAN: Final = str.maketrans("\u064a\u0643", "\u06cc\u06a9")
"""Arabic letters that keyboards of Persian and Urdu also write."""


def states(text: str) -> bool:
    """Whether a text is a name, a town or another word, and no placeholder.

    >>> states("Mumbai"), states("N/A"), states("Mr."), states("xxx"), states("не указано")
    (True, False, False, False, False)
    >>> states("Mr X"), states("Dr Unknown"), states("test test"), states("Nil Kamal"), states("Mr Li")
    (False, False, False, True, True)
    """
    key = _key(text)
    if _is_repeated(key) or key.isdigit() or key in _NOTHING or key in _ADDRESSES:
        return False
    keys = list(filter(None, map(_key, text.replace("/", "").split())))
    left = [each for each in keys if each not in _ADDRESSES]
    return not left or not all(
        each in _NOTHING or (len(left) < len(keys) and _is_repeated(each)) for each in left
    )


def identifies(text: str) -> bool:
    """The same of an identifier, which may be digits only, but not all zeros.

    >>> identifies("77"), identifies("000"), identifies("NOTPROVIDED")
    (True, False, False)
    """
    key = _key(text)
    return key.strip("0") != "" and key not in _NOTHING


def _key(text: str) -> str:
    """Letters, digits and vowel signs in one form: no case, no spaces, no punctuation."""
    if text.isascii():  # most are, and it takes a tenth of the time
        return "".join(filter(str.isalnum, text.lower()))
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_PERSIAN)
    kept = (each for each in folded if unicodedata.category(each)[0] in "LMN")
    return "".join(each for each in kept if each not in _LETTER_LIKE)


def _is_repeated(key: str) -> bool:
    """Whether it has at most one letter, once or repeated; a Chinese character is a word."""
    return len(set(key)) <= 1 and not any("\u4e00" <= each <= "\u9fff" for each in key)


def _keys(*texts: str) -> frozenset[str]:
    return frozenset(_key(word) for text in texts for word in text.replace("، ", ", ").split(","))


_NOTHING: Final = _keys(
    # English, which all ten use in messages to others.
    "not provided, not available, not applicable, not known, not stated, not specified, not given",
    "not disclosed, undisclosed, undefined, unspecified, unavailable, unknown, missing, blank, empty",
    "n/a, nil, none, null, no name, no address, no data, no information, anonymous, nobody, no ref",
    "tbd, tba, tbc, to be advised, as above, same as above, ditto, test, dummy, sample, placeholder",
    "asdf, qwerty, name, town, city, address, debtor, creditor, beneficiary, originator, customer, client",
    # Russian.
    "нет, н/д, не указано, не указан, не указана, не известно, неизвестен, неизвестна, нет данных",
    "неизвестный, неизвестно, нет имени",
    "отсутствует, не применимо, не предоставлено, не определено, без имени, без адреса, прочерк",
    "аноним, тест, клиент, город",
    # Belarusian.
    "няма, невядома, невядомы, не ўказана, не пазначана, адсутнічае, няма дадзеных, няма звестак",
    # Kazakh and Kyrgyz.
    "жоқ, белгісіз, көрсетілмеген, деректер жоқ, мәлімет жоқ",
    "жок, белгисиз, көрсөтүлгөн эмес, көрсөтүлбөгөн, маалымат жок",
    # Uzbek and Tajik.
    "yo'q, noma'lum, ko'rsatilmagan, ma'lumot yo'q, mavjud emas, йўқ, номаълум, кўрсатилмаган",
    "нест, маълум нест, нишон дода нашудааст, маълумот нест, вуҷуд надорад",
    # Persian and Urdu.
    "ندارد، نامشخص، نامعلوم، موجود نیست، ذکر نشده، ثبت نشده، بدون نام، بدون آدرس، بی نام",
    "دستیاب نہیں، درج نہیں، موجود نہیں، معلوم نہیں، کوئی نہیں، لاگو نہیں",
    # Hindi.
    "नाम नहीं, पता नहीं, नामालूम, अज्ञात, उपलब्ध नहीं, लागू नहीं, कोई नहीं, ज्ञात नहीं, नहीं",
    # Chinese.
    "无, 無, 不详, 不詳, 未知, 不明, 未提供, 未填写, 暂无, 不适用, 没有, 匿名, 空,"
    "不知道, 无名, 佚名, 某人, 某某, 暂缺",
)
_ADDRESSES: Final = _keys(
    "mr, mrs, ms, miss, mx, dr, prof, sir, madam, messrs, mr and mrs, shri, smt",
    "гн, гжа, господин, госпожа, гражданин, гражданка, товарищ",
    "спадар, спадарыня, janob, xonim, жаноб, хоним, ҷаноб",
    "آقا، آقای، خانم، جناب، محترم، محترمہ",
    "श्री, श्रीमती, सुश्री",
    "先生, 女士, 小姐",
)
