"""E-mail over SMTP, with TLS always: without it no message leaves, and no password either."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

from switch.base.settings import Settings

WITHIN_S: Final = 20.0
"""How long each step of the exchange may take."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message; the same id again is the same message."""

    id: str
    receiver: str
    subject: str
    text: str
    attachment: tuple[str, bytes] | None = None
    """Name and bytes of a ZIP file."""


def faults(settings: Settings) -> list[str]:
    """What is missing for e-mail, if a mail server is named at all."""
    if not settings.smtp_host:
        return []
    found = [] if settings.smtp_sender else ["smtp_sender: an address that e-mails are from"]
    for name, file in (("smtp_password_file", settings.smtp_password_file), ("smtp_ca", settings.smtp_ca)):
        if file is not None and not file.is_file():
            found.append(f"{name}: {file} does not exist")
    if bool(settings.smtp_user) != (settings.smtp_password_file is not None):
        found.append("smtp_user and smtp_password_file: both or neither")
    return found


def send(settings: Settings, mail: Mail) -> None:
    """Hand a message over to the mail server; it blocks, so call it in a thread.

    Raises:
        OSError: it was not accepted; `smtplib.SMTPException` is one.

    """
    message = EmailMessage()
    message["From"], message["To"] = settings.smtp_sender, mail.receiver
    message["Subject"], message["Date"] = mail.subject, formatdate()
    message["Message-ID"] = f"<{mail.id}@{settings.smtp_sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.attachment is not None:
        name, octets = mail.attachment
        message.add_attachment(octets, maintype="application", subtype="zip", filename=name)
    trust = ssl.create_default_context(cafile=settings.smtp_ca and str(settings.smtp_ca))
    with _connected(settings, trust) as server:
        if settings.smtp_user and settings.smtp_password_file:
            server.login(settings.smtp_user, settings.smtp_password_file.read_text().strip())
        server.send_message(message)


def _connected(settings: Settings, trust: ssl.SSLContext) -> smtplib.SMTP:
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_tls == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=WITHIN_S, context=trust)
    server = smtplib.SMTP(host, port, timeout=WITHIN_S)
    try:
        server.starttls(context=trust)
    except BaseException:
        server.close()
        raise
    return server
