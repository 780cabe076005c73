"""The client of an outside screening engine: the parties of one payment, asked over HTTP.

Two forms. `watchman` is the search of Moov Watchman, one request for each name (`GET /v2/search`). A Watchman
that has no list (`GET /v2/listinfo`) counts as one that does not answer, because it finds nobody. `json` is
our own form, one request for each payment, for any other engine: docs/operate/screening.md.

Whatever is not a whole answer in time is `EngineSilent`: nobody is known to be on no list.
"""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Annotated, Any, Final, Literal, TypeVar

import aiohttp
import msgspec

from switch.base import outward
from switch.base.networks import Network
from switch.base.settings import Settings
from switch.screening.listed import ListedKind

CONNECTIONS: Final = 64
"""Of one process to the engine, all at once; a payment waits for a free one within its time-out."""
HITS_MAX: Final = 100
"""Of one name: what Watchman answers at most, and what people can look at."""
ANSWER_MAX: Final = 2 * 1024 * 1024
_LISTS_READ_S: Final = 60.0
_OK: Final = 200
_OTHER_KINDS: Final = frozenset({"vessel", "aircraft"})
_Answer = TypeVar("_Answer")


class EngineSilent(Exception):
    """The engine did not answer whole and in time; the text says how, without data of the payment."""


class AskedParty(msgspec.Struct, frozen=True):
    """A party of a payment, as it is asked about."""

    part: str
    name: str
    birth_date: date | None = None


class EngineHit(msgspec.Struct, frozen=True):
    """An entry of the engine's lists that a party may be."""

    party: Annotated[int, msgspec.Meta(ge=0)]
    """Place of the party in the request, from 0."""
    entry: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """The engine's id of the entry."""
    name: Annotated[str, msgspec.Meta(max_length=1000)]
    """The listed name that was matched."""
    score: Annotated[float, msgspec.Meta(ge=0, le=100)]
    """In percent."""
    kind: str = ListedKind.PERSON
    born: list[str] = []
    countries: list[str] = []
    programmes: list[str] = []


@dataclass(frozen=True, slots=True)
class EngineTerms:
    """Which engine is asked, and how, as two people set it."""

    form: Literal["watchman", "json"]
    address: str
    """The URL that paths are added to (`watchman`), or that is asked (`json`)."""
    threshold: int
    """The least score of a hit, in percent."""
    within_s: float
    """For all parties of a payment."""


class EngineClient:
    """Asks one engine. One per process and engine."""

    def __init__(self, settings: Settings, terms: EngineTerms) -> None:
        self._terms = terms
        self._authorities = settings.screening_engine_ca
        self._token_file = settings.screening_engine_token_file
        self._token: dict[str, str] = {}
        self._beside: tuple[Network, ...] = outward.permitted_networks(
            settings, settings.screening_engine_networks
        )
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | bool = True
        self._has_lists_until = float("-inf")

    async def ask(self, reference: str, parties: Sequence[AskedParty]) -> list[EngineHit]:
        """The hits of the parties of one payment, from the engine's lists.

        Raises:
            EngineSilent: it did not answer for each of them, whole and in time.

        """
        try:
            async with asyncio.timeout(self._terms.within_s):
                if self._terms.form == "json":
                    return await self._ask_json(reference, parties)
                return await self._ask_watchman(parties)
        except TimeoutError:
            raise EngineSilent("no answer in time") from None
        except aiohttp.ClientError as error:
            raise EngineSilent(outward.cause_of(error)) from None
        except OSError as error:  # a file of the settings, or an address that is not permitted
            raise EngineSilent(f"{type(error).__name__}: {error.strerror or error}") from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask_json(self, reference: str, parties: Sequence[AskedParty]) -> list[EngineHit]:
        body = msgspec.json.encode(
            {"id": reference, "least_score": self._terms.threshold, "parties": parties}
        )
        raw = await self._exchange("POST", self._terms.address, data=body)
        found = _read(_JSON, raw).hits
        if any(hit.party >= len(parties) for hit in found):
            raise EngineSilent("a hit of a party that was not asked about")
        return [hit for hit in found if hit.score >= self._terms.threshold]

    async def _ask_watchman(self, parties: Sequence[AskedParty]) -> list[EngineHit]:
        if monotonic() >= self._has_lists_until:
            info = _read(_LIST_INFO, await self._exchange("GET", f"{self._terms.address}/v2/listinfo"))
            if not any(info.lists.values()):
                raise EngineSilent("it has no lists")
            self._has_lists_until = monotonic() + _LISTS_READ_S
        found = await asyncio.gather(*(self._search(at, each) for at, each in enumerate(parties)))
        return [hit for hits in found for hit in hits]

    async def _search(self, at: int, party: AskedParty) -> list[EngineHit]:
        asked = {
            "name": party.name,
            "limit": str(HITS_MAX),
            "minMatch": f"{self._terms.threshold / 100:.2f}",
        }
        if party.birth_date is not None:  # only persons have one; without a type all are searched
            asked |= {"type": "person", "birthDate": party.birth_date.isoformat()}
        raw = await self._exchange("GET", f"{self._terms.address}/v2/search", params=asked)
        return list(_hits_of(at, _read(_WATCHMAN, raw)))

    async def _exchange(self, method: str, url: str, **stated: Any) -> bytes:
        session = self._session or self._open()
        async with session.request(
            method, url, ssl=self._tls, allow_redirects=False, headers=self._token, **stated
        ) as answer:
            if answer.status != _OK:
                raise EngineSilent(f"status {answer.status}")
            raw = await answer.content.read(ANSWER_MAX + 1)
            while len(raw) <= ANSWER_MAX and (more := await answer.content.read(ANSWER_MAX)):
                raw += more
            if len(raw) > ANSWER_MAX:
                raise EngineSilent("the answer is too large")
            return raw

    def _open(self) -> aiohttp.ClientSession:
        self._tls = outward.trusting(self._authorities)
        self._token = outward.authorization(self._token_file)
        self._session = outward.session(
            CONNECTIONS, self._beside, self._terms.within_s, media_type="application/json"
        )
        return self._session


class _JsonAnswer(msgspec.Struct):
    hits: Annotated[list[EngineHit], msgspec.Meta(max_length=1000)]


class _WatchmanPerson(msgspec.Struct):
    birthDate: str | None = None  # noqa: N815 - Watchman's name


class _WatchmanSanctions(msgspec.Struct):
    programs: list[str] | None = None


class _WatchmanEntity(msgspec.Struct):
    name: str
    match: float
    entityType: str = ""  # noqa: N815
    sourceList: str = ""  # noqa: N815
    sourceID: str = ""  # noqa: N815
    person: _WatchmanPerson | None = None
    sanctionsInfo: _WatchmanSanctions | None = None  # noqa: N815


class _WatchmanAnswer(msgspec.Struct):
    entities: list[_WatchmanEntity] | None


class _WatchmanLists(msgspec.Struct):
    lists: dict[str, int]


_JSON: Final = msgspec.json.Decoder(_JsonAnswer)
_WATCHMAN: Final = msgspec.json.Decoder(_WatchmanAnswer)
_LIST_INFO: Final = msgspec.json.Decoder(_WatchmanLists)


def _read(decoder: "msgspec.json.Decoder[_Answer]", raw: bytes) -> _Answer:
    try:
        return decoder.decode(raw)
    except msgspec.MsgspecError:
        raise EngineSilent("an answer of another form") from None


def _hits_of(at: int, answer: _WatchmanAnswer) -> Iterator[EngineHit]:
    for one in answer.entities or ():
        if one.entityType in _OTHER_KINDS:
            continue
        born = one.person.birthDate if one.person is not None else None
        yield EngineHit(
            party=at,
            entry=f"{one.sourceList}:{one.sourceID}",
            name=one.name,
            score=round(one.match * 100, 1),
            kind=ListedKind.PERSON if one.entityType == "person" else ListedKind.ENTITY,
            born=[born[:10]] if born else [],
            programmes=(one.sanctionsInfo.programs or []) if one.sanctionsInfo else [],
        )
