# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipients asked for by RCPT: every one gets its own answer, whatever the server does with the connection."""

from __future__ import annotations

import typing as t

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from ansible_collections.stalwart.mail.plugins.module_utils._errors import ConnectionFailed, InvalidOption, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.recipients import check
from tests.support.servers import free_port


class Exchange:
    """A mail server that answers by the local part, and hangs up after some refusals."""

    def __init__(self) -> None:
        self.later = 0
        self.most = 100
        self.refused = 0
        self.greeted: list[str] = []
        self.senders: list[str] = []

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:  # noqa: N802
        session.host_name = hostname
        self.greeted.append(hostname)
        self.refused = 0
        return responses

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        self.senders.append(address)
        if address == "nobody@spam.example":
            return "550 5.7.1 Not from you."
        envelope.mail_from = address or "<>"
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if len(envelope.rcpt_tos) >= self.most:
            return "455 4.5.3 Too many recipients."
        if address.startswith("later") and self.later > 0:
            self.later -= 1
            return "451 4.7.1 Greylisted."
        if address.startswith("no"):
            self.refused += 1
            if self.refused == 4 and server.transport is not None:
                server.transport.close()
            return "550 5.1.2 Mailbox does not exist."
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        raise AssertionError("no message is ever sent")


@pytest.fixture
def exchange() -> t.Iterator[tuple[Exchange, int]]:
    handler, port = Exchange(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    yield handler, port
    controller.stop()


def ask(port: int, *recipients: str, **options: t.Any) -> Outcome:
    return check({"recipients": list(recipients), "host": "127.0.0.1", "port": port, "timeout": 30.0, **options}, Mode())


def test_each_recipient_has_its_answer_and_no_message_is_sent(exchange: tuple[Exchange, int]) -> None:
    handler, port = exchange
    results = ask(port, "Jane@Example.org", "nobody@example.org", "jörg@example.org").results
    assert results["accepted"] is False
    assert results["refused"] == ["nobody@example.org"]
    assert results["recipients"][0] == {"address": "jane@example.org", "accepted": True, "temporary": False, "code": 250, "reply": "2.1.5 OK"}
    assert results["recipients"][1]["reply"] == "5.1.2 Mailbox does not exist."
    assert results["recipients"][2]["accepted"]
    assert handler.greeted == ["[127.0.0.1]"]
    assert handler.senders == ["<>"]


def test_more_refusals_than_a_connection_bears(exchange: tuple[Exchange, int]) -> None:
    _handler, port = exchange
    addresses = [f"no{number}@example.org" for number in range(8)] + ["yes@example.org"]
    results = ask(port, *addresses).results
    assert [found["address"] for found in results["recipients"]] == addresses
    assert [found["code"] for found in results["recipients"]] == [550] * 8 + [250]


def test_more_recipients_than_a_transaction_takes(exchange: tuple[Exchange, int]) -> None:
    handler, port = exchange
    handler.most = 3
    results = ask(port, *(f"jane{number}@example.org" for number in range(8))).results
    assert results["accepted"]
    assert len(handler.senders) == 3
    assert len(handler.greeted) == 1


def test_what_is_refused_for_now_is_waited_for(exchange: tuple[Exchange, int]) -> None:
    handler, port = exchange
    handler.later = 2
    assert ask(port, "later@example.org").results["recipients"][0]["temporary"]
    assert ask(port, "later@example.org", wait_timeout=30).results["accepted"]


def test_failures_name_what_was_refused(exchange: tuple[Exchange, int]) -> None:
    _handler, port = exchange
    with pytest.raises(Refused, match=r"refuses 1 of 2 recipients: nobody@example\.org: 550 5\.1\.2 Mailbox does not exist\.") as failure:
        ask(port, "nobody@example.org", "jane@example.org", fail=True)
    assert failure.value.details["refused"] == ["nobody@example.org"]
    with pytest.raises(Refused, match=r"refuses MAIL FROM:<nobody@spam\.example>: 550 5\.7\.1 Not from you"):
        ask(port, "jane@example.org", sender="nobody@spam.example")
    with pytest.raises(Refused, match="offers no STARTTLS"):
        ask(port, "jane@example.org", starttls=True)


def test_a_server_that_is_not_there() -> None:
    port = free_port()
    with pytest.raises(ConnectionFailed, match=rf"the mail server 127\.0\.0\.1:{port} can't be reached .*; is port {port} open from here\?"):
        ask(port, "jane@example.org")


def test_the_host_is_that_of_the_url_and_must_be_known(exchange: tuple[Exchange, int]) -> None:
    _handler, port = exchange
    assert check({"recipients": ["jane@example.org"], "url": "https://127.0.0.1:8080", "port": port}, Mode()).results["accepted"]
    with pytest.raises(InvalidOption, match="host: it is missing, and there is no url"):
        check({"recipients": ["jane@example.org"]}, Mode())
    with pytest.raises(InvalidOption, match="port: 0 is no port"):
        ask(0, "jane@example.org")
