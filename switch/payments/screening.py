"""Screening: the parties of each payment are compared with the sanctions lists in force.

Theory of operation. Two people set which lists are in force, and from which instant on. That instant is later
than the longest time for which a process takes payments without having read the directory (`FRESH_S`), so at
that instant every process that takes payments knows the set. The caretaker makes the tables of its index once
and keeps them; every process loads them before the set is in force, or makes them itself if they are late. A
payment that comes to a process without the index waits a moment. Then it is compared with the lists before,
and a metric states for how long the new ones are late: lists of which no tables can be made stop no payment.
If there are none before, it is not taken: nothing passes unscreened.

Two people may also name an outside engine, which is asked about every payment beside the lists, or in their
place. If it does not answer, that is a finding of its own: the payment is held until it answers.

Which names and texts of a payment are compared: `switch.payments.screened`. The outside engine is asked about
the names only.
"""

import asyncio
import zlib
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from time import monotonic, perf_counter
from typing import Final, TypeVar

import asyncpg
import msgspec
import structlog

from schemas.codec import Message
from schemas.errors import Unavailable
from switch.base import logs, metrics
from switch.base.personal_data import KeyRing
from switch.base.settings import Settings
from switch.base.sql import statements
from switch.payments.directory import REFRESH_S, Directory, ScreeningEngine, ScreeningSet
from switch.payments.dispatch import now_us
from switch.payments.screened import account_beside, parties_of, texts_of
from switch.screening import making, tables
from switch.screening.engine import AskedParty, EngineClient, EngineHit, EngineSilent, EngineTerms
from switch.screening.index import NameIndex, ScreeningHit, most_similar
from switch.screening.stated import plain_text
from switch.screening.tables import IndexTables

CLEARED_READ_S: Final = 5.0
"""How often the clearances are read."""
MAKES_ITSELF_S: Final = 20.0
"""So long before lists are in force, a process makes tables itself that nobody has kept."""
MAKES_AGAIN_S: Final = 10.0
"""After a failure to load or to make tables, a process tries again so much later."""
READY_WITHIN_S: Final = 2.0
"""So long a payment waits for the index of lists that are in force."""
TURN_S: Final = 0.005
"""After so long a comparison other payments have their turn: one with many new words takes much longer."""
_POLL_S: Final = 0.05
_statement: Final = statements("switch.payments")
_PARTIES: Final = _statement("parties_of_lists")
_CLEARED: Final = _statement("screening_clearances")
_TABLES: Final = _statement("screening_tables")
_KEEP: Final = _statement("keep_screening_tables")
encode_parties: Final = msgspec.msgpack.encode
_log = structlog.get_logger()


class ScreeningFinding(msgspec.Struct, frozen=True):
    """A party of a payment that a listed party may be."""

    party: str
    """Its part in the payment, such as `ultimate debtor`."""
    name: str
    """As the message states it."""
    entry: str
    """Publisher and id of the listed party, such as `OFAC:6366`."""
    listed: str
    """The listed name that was matched."""
    score: int
    """In percent."""
    kind: str
    born: list[str] = []
    countries: list[str] = []
    programmes: list[str] = []
    fingerprint: bytes = b""
    """A keyed hash of the name, the account and the date of birth of the party."""

    @property
    def silent(self) -> bool:
        """Whether it says only that the outside engine did not answer."""
        return self.kind == _SILENT

    @property
    def key(self) -> tuple[str, str, str]:
        """What people decide about: this name, in this part, against this entry."""
        return self.party, self.name, self.entry


_SILENT: Final = "silent"
WATCH: Final = "watch"
"""The kind of a finding of a watch rule (see `switch.writer.watching`): its entry is `rule:NUMBER`."""
WATCH_ENTRY: Final = "rule:"
ENGINE_SILENT: Final = ScreeningFinding("", "", "", "", 0, _SILENT)
"""The outside engine did not answer. It is no hit, and is always the last finding."""


class ScreeningResult(msgspec.Struct, frozen=True):
    """What a comparison found, and with what: the newest change of the lists or of the engine in force."""

    lists: int
    findings: Sequence[ScreeningFinding]

    @property
    def hit_count(self) -> int:
        """Hits that people can look at."""
        return sum(not each.silent for each in self.findings)


NOT_SCREENED: Final = ScreeningResult(0, ())


class Screening:
    """The lists in force, as an index in memory. One per process that takes payments."""

    def __init__(
        self,
        settings: Settings,
        pool: asyncpg.Pool,
        directory: Directory,
        keys: KeyRing,
        *,
        keeps_tables: bool = False,
    ) -> None:
        """`keeps_tables`: it makes the tables of indexes for all other processes."""
        self._settings = settings
        self._keeps_tables = keeps_tables
        self._pool = pool
        self._keys = keys
        self._cleared: frozenset[tuple[bytes, str, str]] = frozenset()
        self._cleared_at = float("-inf")
        self._directory = directory
        self._indexes: dict[int, NameIndex] = {}
        self._again_at: dict[int, float] = {}
        """When it tries again to load or to make the tables of a set."""
        self._clients: dict[int, EngineClient] = {}
        for result in ("clear", "hit", "silent", "not_ready"):
            metrics.SCREENED.labels(result)  # from the first refusal on, an alert sees an increase

    def in_force(self) -> int:
        """What payments are compared with now: the number of the newest change; 0 for nothing."""
        return _newest(self._lists(), self._engine())

    async def compare(self, message: Message, sender: str) -> ScreeningResult:
        """Compare the parties of a payment with the lists in force, and ask the outside engine about them.

        `sender`: the participant whose payment it is.

        Raises:
            Unavailable: the lists are not ready in this process; nothing was decided.

        """
        if not (self._directory.now.screening or self._directory.now.screening_engines):
            return NOT_SCREENED
        lists, engine = await self._ready_lists(), self._engine()
        if lists is None and engine is None:
            return NOT_SCREENED
        findings = [] if lists is None else await self._compared(lists, message, sender)
        if engine is not None:
            findings += await self._asked(engine, message, sender)
        result = ScreeningResult(_newest(lists, engine), findings)
        metrics.SCREENED.labels("hit" if result.hit_count else "silent" if findings else "clear").inc()
        return result

    def _lists(self) -> ScreeningSet | None:
        """The lists that payments are compared with now; None if with no list.

        If the index of those in force is not ready in time, they are the last ones before whose index is.
        """
        begun = _begun(self._directory.now.screening)
        if not (begun and begun[-1].lists):
            return None
        if now_us() - begun[-1].since < READY_WITHIN_S * 1_000_000:
            return begun[-1]
        return next((each for each in reversed(begun) if each.number in self._indexes), begun[-1])

    def _engine(self) -> ScreeningEngine | None:
        """The outside engine that is asked now, if any."""
        begun = _begun(self._directory.now.screening_engines)
        return begun[-1] if begun and begun[-1].form != "none" else None

    async def _ready_lists(self) -> ScreeningSet | None:
        """The lists that payments are compared with, whose index is mostly there; then nothing waits.

        Raises:
            Unavailable: no index is ready in this process.

        """
        until = monotonic() + READY_WITHIN_S
        while (lists := self._lists()) is not None and lists.number not in self._indexes:
            if monotonic() >= until:
                metrics.SCREENED.labels("not_ready").inc()
                raise Unavailable("the switch is starting to take payments; nothing was decided")
            await asyncio.sleep(_POLL_S)
        return lists

    async def _compared(self, lists: ScreeningSet, message: Message, sender: str) -> list[ScreeningFinding]:
        """What is like a listed party. Long messages of new words take turns with other payments."""
        findings: list[ScreeningFinding] = []
        taken, turn = 0.0, perf_counter()
        for made in self._searches(self._indexes[lists.number], message, lists.threshold / 100):
            findings += (each for each in made if not self._is_cleared(each, sender))
            if (used := perf_counter() - turn) > TURN_S:
                await asyncio.sleep(0)
                taken, turn = taken + used, perf_counter()
        metrics.SCREENING_SECONDS.observe(taken + perf_counter() - turn)
        return findings

    async def _asked(self, engine: ScreeningEngine, message: Message, sender: str) -> list[ScreeningFinding]:
        parties = list(parties_of(message))
        (transaction,) = message.content["CdtTrfTxInf"]
        reference = transaction.get("PmtId", {}).get("UETR", "")
        started = perf_counter()
        try:
            hits = await self._client(engine).ask(reference, [AskedParty(*each) for each in parties])
        except EngineSilent as silent:
            _log.warning("screening_engine_silent", cause=str(silent))
            return [ENGINE_SILENT]
        finally:
            metrics.SCREENING_ENGINE_SECONDS.observe(perf_counter() - started)
        found = ((*parties[hit.party], hit) for hit in hits)
        made = (
            _engine_finding(part, name, hit, self._fingerprint(message, part, name, born))
            for part, name, born, hit in found
        )
        return [each for each in made if not self._is_cleared(each, sender)]

    def _is_cleared(self, finding: ScreeningFinding, sender: str) -> bool:
        """Whether people cleared the party of a hit: for every payment, or for those of its sender."""
        pair = (finding.fingerprint, finding.entry)
        return (*pair, "") in self._cleared or (*pair, sender) in self._cleared

    def _client(self, engine: ScreeningEngine) -> EngineClient:
        client = self._clients.get(engine.number)
        if client is None:
            assert engine.form != "none"
            terms = EngineTerms(engine.form, engine.address, engine.threshold, engine.within_ms / 1000)
            client = self._clients[engine.number] = EngineClient(self._settings, terms)
        return client

    async def close(self) -> None:
        """Close the connections to the outside engine."""
        for client in self._clients.values():
            await client.close()

    async def prepare(self) -> None:
        """Load or make the indexes of the set in force and of those that follow; drop the others.

        Sets before the one in force are kept while its index is not ready.
        """
        for each in self._needed():
            if each.lists and each.number not in self._indexes:
                await self._load(each)
        wanted = {each.number for each in self._needed()}
        for number in self._indexes.keys() - wanted:
            del self._indexes[number]
        metrics.SCREENING_LISTS_LATE.set(self._late_s())
        engines = {each.number for each in self._directory.now.screening_engines}
        for number in self._clients.keys() - engines:
            await self._clients.pop(number).close()
        if (wanted or engines) and monotonic() - self._cleared_at >= CLEARED_READ_S:
            rows = await self._pool.fetch(_CLEARED)
            self._cleared = frozenset((row["party"], row["entry"], row["participant"]) for row in rows)
            self._cleared_at = monotonic()

    def _needed(self) -> Sequence[ScreeningSet]:
        """Sets from the last one on that has begun and is ready, in order of their instants."""
        sets = self._directory.now.screening
        begun = enumerate(_begun(sets))
        first = max((at for at, each in begun if not each.lists or each.number in self._indexes), default=0)
        return sets[first:]

    def _late_s(self) -> float:
        """For how long lists are in force of which this process has no index."""
        begun = _begun(self._directory.now.screening)
        if not begun or not begun[-1].lists or begun[-1].number in self._indexes:
            return 0.0
        return (now_us() - begun[-1].since) / 1_000_000

    async def _load(self, wanted: ScreeningSet) -> None:
        """Load or make the index of a set; if it cannot, later."""
        if monotonic() < self._again_at.get(wanted.number, 0.0):
            return
        try:
            made = await self._tables(wanted)
            index = None if made is None else await asyncio.to_thread(NameIndex, made)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # the database is away
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with new lists, the old ones count on
            detail = str(error) if isinstance(error, making.TablesNotMade) else logs.where(error)
            _log.error(
                "screening_tables_failed", lists=wanted.number, error=type(error).__name__, detail=detail
            )
            self._again_at[wanted.number] = monotonic() + MAKES_AGAIN_S
        else:
            if index is not None:
                self._indexes[wanted.number] = index
                _log.info("screening_ready", lists=wanted.number, names=len(index))

    def _searches(
        self, index: NameIndex, message: Message, threshold: float
    ) -> Iterator[list[ScreeningFinding]]:
        """What each search found, one after the other; of a text, at its end."""
        for part, name, born in parties_of(message):
            hits = index.search(name, born=born, threshold=threshold)
            yield [_finding(part, name, hit, self._fingerprint(message, part, name, born)) for hit in hits]
        for part, text in texts_of(message):
            found: list[ScreeningHit] = []
            for hits in index.search_pieces(text, threshold=threshold):
                found += hits
                yield []
            hits = most_similar(found)
            yield [
                _finding(part, text, hit, self._fingerprint(message, part, plain_text(text), None))
                for hit in hits
            ]

    def _fingerprint(self, message: Message, part: str, name: str, born: date | None) -> bytes:
        """Who a party is, for clearances: its name, its account and its date of birth, as they are stated.

        Of a text it is its words without numbers, as those of an invoice are other ones each time.
        """
        account = account_beside(message, part)
        return self._keys.claim("", "screened party", f"{name}\0{account}\0{born or ''}")

    async def _tables(self, wanted: ScreeningSet) -> IndexTables | None:
        """The tables of the index of a set; None if there is time to wait for the process that makes them.

        Raises:
            TablesNotMade: they cannot be made or kept.

        """
        kept = await self._pool.fetchval(_TABLES, wanted.number, tables.made_with())
        if kept is not None:
            try:
                return await asyncio.to_thread(tables.unpack, kept)
            except tables.DamagedTables:
                _log.error("screening_tables_damaged", lists=wanted.number)
        elif not self._keeps_tables and wanted.since - now_us() > MAKES_ITSELF_S * 1_000_000:
            return None
        rows = await self._pool.fetch(_PARTIES, wanted.lists)
        if len(rows) != len(set(wanted.lists)):
            raise making.TablesNotMade("one of the lists is not in the database")
        packed = await making.make([(row["publisher"], row["parties"]) for row in rows])
        if self._keeps_tables:
            await self._keep(wanted.number, packed)
        return await asyncio.to_thread(tables.unpack, packed)

    async def _keep(self, number: int, packed: bytes) -> None:
        needed = [each.number for each in self._needed()]
        try:
            await self._pool.execute(_KEEP, number, tables.made_with(), packed, needed)
        except asyncpg.PostgresError as error:
            raise making.TablesNotMade(f"they could not be kept: {type(error).__name__}") from None

    async def keep_ready(self) -> None:
        """Prepare for ever. While the database is unavailable the present indexes stay."""
        while True:
            try:
                await self.prepare()
            except Exception as error:  # noqa: BLE001 - the outermost loop must go on whatever happens
                _log.warning("screening_not_ready", error=type(error).__name__, detail=logs.where(error))
            await asyncio.sleep(REFRESH_S)


async def names_of(connection: asyncpg.Connection, lists: Sequence[int]) -> frozenset[tuple[str, str]]:
    """Each publisher and listed name of these lists; takes a tenth of a second for the largest ones."""
    rows = await connection.fetch(_PARTIES, list(lists))
    return await asyncio.to_thread(_names, [(row["publisher"], row["parties"]) for row in rows])


def _names(lists: Sequence[tuple[str, bytes]]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (publisher, name.text)
        for publisher, packed in lists
        for party in making.parties.decode(zlib.decompress(packed))
        for name in party.names
    )


def _finding(part: str, name: str, hit: ScreeningHit, fingerprint: bytes) -> ScreeningFinding:
    party = hit.party
    return ScreeningFinding(
        part,
        name,
        party.id,
        hit.name,
        int(hit.score * 100),
        party.kind,
        [_day(each.first, each.last) for each in party.born],
        list(party.countries),
        list(party.programmes),
        fingerprint,
    )


def _engine_finding(part: str, name: str, hit: EngineHit, fingerprint: bytes) -> ScreeningFinding:
    return ScreeningFinding(
        part,
        name,
        hit.entry,
        hit.name,
        int(hit.score),
        hit.kind,
        hit.born,
        hit.countries,
        hit.programmes,
        fingerprint,
    )


def _newest(lists: ScreeningSet | None, engine: ScreeningEngine | None) -> int:
    return max(lists.number if lists is not None else 0, engine.number if engine is not None else 0)


_Dated = TypeVar("_Dated", ScreeningSet, ScreeningEngine)


def _begun(dated: Sequence[_Dated]) -> Sequence[_Dated]:
    """Those that have begun; they are in the order of their instants."""
    now = now_us()
    return [each for each in dated if each.since <= now]


def _day(first: date, last: date) -> str:
    return first.isoformat() if first == last else f"{first.year} to {last.year}"


def new_findings(
    findings: Sequence[ScreeningFinding], decided: Collection[ScreeningFinding]
) -> list[ScreeningFinding]:
    """Those about which people have not decided."""
    known = {each.key for each in decided}
    return [each for each in findings if each.key not in known]
