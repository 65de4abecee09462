"""Signatures of webhooks conform to the specification."""

from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook

from locksided.notifications.signature import headers, new_secret, signature

BODY = b'{"type":"test","timestamp":"2021-02-25T15:02:10.000000Z","data":{}}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_known_message_has_the_known_signature() -> None:
    signed = signature(SECRET, "msg_17", 1614265330, BODY)
    assert signed == "v1,B/7Jra/vd+ioeVU32X7IGZxVnFqkJZ2A0Ue8+TTeTAU="


def test_another_implementation_accepts_what_several_secrets_signed() -> None:
    known = [new_secret(), SECRET]
    sent = headers(known, "msg_1", int(datetime.now(UTC).timestamp()), BODY)
    for secret in known:
        Webhook(secret).verify(BODY, sent)
