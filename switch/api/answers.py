"""What each operation answers when it succeeds, and the failures that only some operations have.

The description of the API is made from this table, the routes and the tree of errors. Failures that follow
from a route are not repeated here: a caller that must be known, a path, parameters, a body, rate limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from schemas.errors import (
    Changed,
    CursorAhead,
    EffectChanged,
    InvalidAmount,
    NotAcceptable,
    NotAllowed,
    NotAuthentic,
    NotFound,
    Refused,
    Restoring,
    SwitchError,
)
from switch.api import cases, models, people, qr, webhooks
from switch.cases import attachments
from switch.payments.fx_offers import AskedRates
from switch.payments.quotes import AskedQuote
from switch.reports import package
from switch.reports.render import FORMATS

JSON: Final = "application/json"
_STREAM: Final = "text/event-stream"
_REPORT: Final = ("ETag", "Content-Disposition", "Payswitch-Signature", "Payswitch-As-Of")
_FILES: Final = tuple(
    sorted(
        {found.media_type.partition(";")[0] for found in FORMATS.values()} - {JSON, "text/csv"}
        | {package.MEDIA_TYPE}
    )
)


@dataclass(frozen=True, slots=True)
class OperationAnswer:
    """The success of an operation, and its own failures."""

    form: Any = None
    """Type of the JSON body; None if there is none."""
    status: int = 200
    files: tuple[str, ...] = ()
    """Media types of bodies that are not JSON."""
    headers: tuple[str, ...] = ()
    """Names of response headers in `HEADERS` of the description."""
    failures: tuple[type[SwitchError], ...] = ()
    """Beyond those that follow from the route."""
    signs: bool = False
    """A participant must sign it, body included; the handler itself checks that."""
    tagged: bool = False
    """It answers 304 to `If-None-Match` with its `ETag`."""
    body: Any = None
    """Type of the request's JSON body; None if it takes none or the route describes it."""


def _page(form: Any, **more: Any) -> OperationAnswer:
    return OperationAnswer(list[form], headers=("Link",), **more)


_REPORT_FILE: Final = OperationAnswer(
    models.ReportDocument,
    files=("text/csv", *_FILES),
    headers=_REPORT,
    failures=(NotFound, NotAcceptable, Refused),
)
ANSWERS: Final[Mapping[str, OperationAnswer]] = MappingProxyType(
    {
        # payments and what comes of them
        "getPayment": OperationAnswer(
            models.PaymentDocument, headers=("Retry-After", "ETag"), tagged=True, failures=(Restoring,)
        ),
        "readQrCode": OperationAnswer(
            models.QrDraftDocument, signs=True, body=qr.QrText, failures=(Refused,)
        ),
        "handInPaymentFile": OperationAnswer(
            models.PaymentFileDocument,
            202,
            headers=("Location", "Idempotent-Replayed"),
            signs=True,
            failures=(Restoring,),
        ),
        "listPaymentFiles": _page(models.PaymentFileDocument),
        "getPaymentFile": OperationAnswer(models.PaymentFileDocument),
        "listPaymentFileLines": _page(models.PaymentFileLineDocument, failures=(NotFound,)),
        "cancelPaymentFile": OperationAnswer(models.PaymentFileDocument),
        "getPaymentFileReport": OperationAnswer(files=("application/xml",)),
        "listRequestsToPay": _page(models.RequestToPayDocument),
        "getRequestToPay": OperationAnswer(models.RequestToPayDocument),
        "makeQrCode": OperationAnswer(
            models.QrCodeDocument,
            signs=True,
            body=qr.NewQrCode,
            failures=(NotAllowed, InvalidAmount, Refused),
        ),
        "getQuote": OperationAnswer(models.QuoteDocument, failures=(NotFound, InvalidAmount, Refused)),
        "makeQuote": OperationAnswer(
            models.FirmQuoteDocument,
            201,
            headers=("Location",),
            signs=True,
            body=AskedQuote,
            failures=(NotFound, InvalidAmount, Refused),
        ),
        "setFxRates": OperationAnswer(
            status=204, signs=True, body=AskedRates, failures=(NotAllowed, InvalidAmount, Refused)
        ),
        "listFxRates": OperationAnswer(list[models.FxOfferDocument], failures=(NotAllowed,)),
        "getFirmQuote": OperationAnswer(models.FirmQuoteDocument),
        "listMessages": OperationAnswer(models.MessagePageDocument, headers=("Link",)),
        "listEvents": OperationAnswer(
            models.EventPageDocument, files=(_STREAM,), headers=("Link",), failures=(CursorAhead,)
        ),
        # directory
        "listCorridors": _page(models.CorridorDocument),
        "listTariffs": _page(models.TariffDocument),
        "listRails": _page(models.RailDocument),
        "getRail": OperationAnswer(models.RailDetailDocument),
        "listParticipants": _page(models.ParticipantDocument),
        "listIndirectParticipants": _page(models.IndirectParticipantDocument),
        "getParticipant": OperationAnswer(models.ParticipantDetailDocument),
        # settlement
        "listPositions": _page(models.PositionDocument),
        "listLiquidity": _page(models.LiquidityDocument),
        "listWindows": _page(models.WindowDocument),
        "getWindow": OperationAnswer(models.WindowWithNetsDocument, files=("text/csv",)),
        "listSettlements": _page(models.ListedSettlementDocument),
        "getSettlement": OperationAnswer(models.SettlementWithLinesDocument),
        "getBilateralPositions": _page(models.BilateralNetDocument),
        "getInstruction": OperationAnswer(files=("application/xml",), headers=("Payswitch-Signature",)),
        "getSettlementKey": OperationAnswer(models.PublicKeyDocument),
        "confirmSettlement": OperationAnswer(
            models.ProcessedDocument, signs=True, failures=(InvalidAmount, Refused)
        ),
        "getCalendar": OperationAnswer(models.CalendarDocument, failures=(NotFound, Refused)),
        # webhooks and keys
        "addWebhook": OperationAnswer(
            models.AddedWebhookDocument,
            201,
            headers=("Location", "ETag"),
            signs=True,
            body=webhooks.NewWebhook,
            failures=(Refused,),
        ),
        "getWebhook": OperationAnswer(models.WebhookDocument, headers=("ETag",), tagged=True),
        "changeWebhook": OperationAnswer(
            models.WebhookDocument,
            headers=("ETag",),
            signs=True,
            body=webhooks.ChangedWebhook,
            failures=(Changed,),
        ),
        "renewWebhookSecret": OperationAnswer(models.RenewedSecretDocument, 201, signs=True),
        "listWebhooks": _page(models.WebhookDocument),
        "removeWebhook": OperationAnswer(status=204, signs=True),
        "testWebhook": OperationAnswer(status=202, signs=True, failures=(Refused,)),
        "listDeliveries": _page(models.DeliveryDocument),
        "replayDelivery": OperationAnswer(status=202, signs=True),
        "replayDeliveries": OperationAnswer(
            models.ReplayedDocument, 202, signs=True, body=webhooks.ReplayRequest
        ),
        "listWebhookKeys": _page(models.WebhookKeyDocument),
        "listAnswerKeys": OperationAnswer(list[models.AnswerKeyDocument]),
        "revokeKey": OperationAnswer(status=204, signs=True),
        # people and their changes
        "signIn": OperationAnswer(
            status=204,
            body=people.SignIn,
            headers=("Set-Cookie",),
            failures=(NotAuthentic, NotAllowed, Refused),
        ),
        "signOut": OperationAnswer(status=204),
        "getMe": OperationAnswer(models.MeDocument),
        "listMySessions": _page(models.SessionDocument),
        "endMySessions": OperationAnswer(status=204),
        "endMySession": OperationAnswer(status=204),
        "listCases": _page(models.CaseDocument),
        "getCase": OperationAnswer(models.CaseWithHistoryDocument),
        "assignCase": OperationAnswer(
            models.CaseWithHistoryDocument, body=cases.NewOwner, failures=(NotFound, Refused)
        ),
        "addCaseNote": OperationAnswer(
            models.CaseWithHistoryDocument, 201, body=cases.NewNote, failures=(NotFound,)
        ),
        "addCaseAttachment": OperationAnswer(
            models.CaseWithHistoryDocument, 201, body=cases.NewAttachment, failures=(NotFound, Refused)
        ),
        "listScreeningLists": _page(models.ScreeningListDocument),
        "listScreeningOfficers": _page(models.ScreeningOfficersDocument),
        "listWatchRules": _page(models.WatchRuleDocument),
        "listSourceRails": _page(models.SourceRailDocument),
        "getScreeningHits": OperationAnswer(models.ScreeningHitsDocument, failures=(NotFound,)),
        "getGoamlDraft": OperationAnswer(
            files=("application/xml",), headers=("Content-Disposition",), failures=(NotFound,)
        ),
        "getCaseAttachment": OperationAnswer(files=attachments.TYPES, headers=("Content-Disposition",)),
        "askRailAgain": OperationAnswer(models.CaseWithHistoryDocument, 202, failures=(NotFound, Refused)),
        "listPeople": _page(models.PersonDocument),
        "listSessionsOfPerson": _page(models.SessionDocument),
        "endSessionsOfPerson": OperationAnswer(status=204),
        "listIdentityProviders": _page(models.IdentityProviderDocument),
        "beginEnrolment": OperationAnswer(
            models.EnrolmentDocument, body=people.BeginEnrolment, failures=(NotAuthentic, Refused)
        ),
        "finishEnrolment": OperationAnswer(
            status=204, body=people.FinishEnrolment, failures=(NotAuthentic, NotAllowed, Refused)
        ),
        "listChangeKinds": _page(models.ChangeKindDocument),
        "listChanges": _page(models.ChangeDocument),
        "getChange": OperationAnswer(models.ChangeDocument),
        "requestChange": OperationAnswer(
            models.ChangeDocument, 201, body=people.RequestChange, failures=(NotFound, InvalidAmount, Refused)
        ),
        "voteOnChange": OperationAnswer(
            models.ChangeDocument, body=people.VoteRequest, failures=(Refused, EffectChanged)
        ),
        "withdrawChange": OperationAnswer(models.PlainChangeDocument, failures=(Refused,)),
        # reports
        "listReports": _page(models.ReportKindDocument),
        "getReport": _REPORT_FILE,
        "getOpenData": _REPORT_FILE,
        "listReportDestinations": _page(models.ReportDestinationDocument),
        "listReportSchedules": _page(models.ReportScheduleDocument),
        "listReportDeliveries": _page(models.ReportDeliveryDocument),
        "replayReportDelivery": OperationAnswer(status=202, failures=(NotFound, Refused)),
        "listReportArtefacts": _page(models.ArtefactDocument),
        "listStatistics": _page(models.StatisticsDocument, failures=(Refused,)),
        "listLiquidityStatistics": _page(models.LiquidityStatisticsDocument, failures=(Refused,)),
        "listServiceStatistics": _page(models.ServiceStatisticsDocument, failures=(Refused,)),
        "getReportSignature": OperationAnswer(files=("application/jose",), headers=("Content-Disposition",)),
        "getReportKey": OperationAnswer(files=("application/x-pem-file",)),
        # the log
        "listCheckpoints": _page(models.CheckpointDocument),
        "getCheckpoint": OperationAnswer(models.CheckpointDocument),
        "getConsistency": OperationAnswer(models.ProofBundleDocument, failures=(NotFound, Refused)),
        "listWitnesses": _page(models.WitnessDocument),
        "addCosignature": OperationAnswer(status=204, failures=(NotAuthentic, Refused)),
    }
)
"""By operation; those of ISO messages are in `iso_endpoints`."""
