"""Sends one mail through the server in the settings."""

import email.policy
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from locksided.notifications import mail_text
from locksided.steps.courier.post import TIMEOUT_SECONDS, Answer, error_text

DONE = 250


def send(one: Mapping[str, Any], body: Mapping[str, Any], server: Mapping[str, Any]) -> Answer:
    """Send it once. The status code is that of SMTP; 5xx is final."""
    if server.get("problem"):
        return Answer(error=server["problem"])
    try:
        with _connection(server) as connection:
            if server["user"]:
                connection.login(server["user"], server["password"])
            refused = connection.send_message(_message(one, body, server))
    except smtplib.SMTPRecipientsRefused as problem:
        return _refused(problem.recipients)
    except smtplib.SMTPResponseException as problem:
        return Answer(problem.smtp_code, _text(problem.smtp_error), is_final=problem.smtp_code >= 500)
    except (OSError, smtplib.SMTPException, ValueError) as problem:
        return Answer(error=error_text(problem))
    temporary = {to: why for to, why in refused.items() if why[0] < 500}
    return _refused(temporary) if temporary else Answer(DONE)


def _connection(server: Mapping[str, Any]) -> smtplib.SMTP:
    place = (server["host"], server["port"])
    if server["security"] == "tls":
        return smtplib.SMTP_SSL(*place, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    connection = smtplib.SMTP(*place, timeout=TIMEOUT_SECONDS)
    if server["security"] == "starttls":
        try:
            connection.starttls(context=ssl.create_default_context())
        except BaseException:
            connection.close()
            raise
    return connection


def _message(one: Mapping[str, Any], body: Mapping[str, Any], server: Mapping[str, Any]) -> EmailMessage:
    message = EmailMessage(email.policy.SMTP)
    message["From"] = server["sender"]
    message["To"] = ", ".join(one["addresses"])
    message["Subject"] = mail_text.subject(body)
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{one['message']}@{server['sender'].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail_text.text(body))
    return message


def _refused(recipients: Mapping[str, tuple[int, bytes]]) -> Answer:
    """Report refused recipients; the mail is retried if any of them may accept it later."""
    code = min(code for code, _ in recipients.values())
    texts = "; ".join(f"{to}: {code} {_text(text)}" for to, (code, text) in recipients.items())
    return Answer(code, texts[:500], is_final=code >= 500)


def _text(given: bytes | str) -> str:
    return (given.decode("utf-8", "replace") if isinstance(given, bytes) else given)[:500]
