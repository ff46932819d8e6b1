# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which recipients a mail server takes: MAIL and RCPT, and nothing is sent."""

from __future__ import annotations

import dataclasses
import smtplib
import ssl
import time
import typing as t

from ._errors import ConnectionFailed, Refused, TimedOut

#: A server closes the connection after some refusals (session.rcpt.errors.total, 5), and slows down before that.
_MOST_REFUSALS = 3
#: Stalwart begins five transactions a second for one address.
_PAUSE = 1.0
_MOST_PAUSES = 5
_MAIL_LATER = (421, 450, 451, 452)
#: What servers say to one recipient too many; a further transaction takes it.
_TOO_MANY = (452, 455)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server said to RCPT: the code of RFC 5321, and its words."""

    address: str
    code: int
    reply: str

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        """Whether the server may say otherwise later."""
        return 400 <= self.code < 500


@dataclasses.dataclass(frozen=True)
class Exchanger:
    """A mail server as other mail servers meet it. `ehlo_name` empty: the own address; `context` None: without TLS."""

    host: str
    port: int = 25
    sender: str = ""
    ehlo_name: str = ""
    timeout: float = 30.0
    context: ssl.SSLContext | None = None

    def ask(self, addresses: t.Sequence[str]) -> list[Answer]:
        """One answer for each address, in their order. Raises ConnectionFailed, and Refused where the server takes no mail at all."""
        answers: list[Answer] = []
        while len(answers) < len(addresses):
            found = self._session(addresses[len(answers) :])
            if not found:
                raise ConnectionFailed(f"{self._name} closed the connection without an answer to RCPT TO:<{addresses[len(answers)]}>.", sent=True)
            answers += found
        return answers

    def _session(self, addresses: t.Sequence[str]) -> list[Answer]:
        """The answers that one connection gives: at least one, or the server hung up on the first."""
        answers: list[Answer] = []
        try:
            with smtplib.SMTP(self.host, self.port, timeout=self.timeout) as mail:
                self._greet(mail)
                options = self._wide(mail, addresses)
                self._begin(mail, options)
                is_first = True
                for address in addresses:
                    code, words = mail.rcpt(address)
                    if code in _TOO_MANY and not is_first:
                        mail.rset()
                        self._begin(mail, options)
                        code, words = mail.rcpt(address)
                    if code == 421 and answers:
                        return answers
                    answers.append(Answer(address, code, _text(words)))
                    is_first = False
                    if sum(not answer.is_accepted for answer in answers) >= _MOST_REFUSALS:
                        break
        except smtplib.SMTPServerDisconnected:
            pass  # what it did answer counts
        except smtplib.SMTPResponseException as error:
            words = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
            self._expect((error.smtp_code, words), "the connection")
        except smtplib.SMTPException as error:
            raise Refused(f"{self._name}: {error}.") from None
        except OSError as error:
            if not answers:
                kind = TimedOut if isinstance(error, TimeoutError) else ConnectionFailed
                reason = f"no answer within {self.timeout:g} seconds" if isinstance(error, TimeoutError) else error.strerror or str(error)
                raise kind(f"{self._name} can't be reached ({reason}); is port {self.port} open from here?", sent=False) from None
        return answers

    @property
    def _name(self) -> str:
        return f"the mail server {self.host}:{self.port}"

    def _greet(self, mail: smtplib.SMTP) -> None:
        name = self.ehlo_name or _literal(mail)
        self._expect(mail.ehlo(name), f"EHLO {name}")
        if self.context is None:
            return
        if not mail.has_extn("starttls"):
            raise Refused(f"{self._name} offers no STARTTLS; set starttls: false to ask without.")
        self._expect(mail.starttls(context=self.context), "STARTTLS")
        self._expect(mail.ehlo(name), f"EHLO {name}")

    def _wide(self, mail: smtplib.SMTP, addresses: t.Iterable[str]) -> tuple[str, ...]:
        """The options of MAIL that these addresses need (RFC 6531)."""
        if all(address.isascii() for address in (self.sender, *addresses)):
            return ()
        if not mail.has_extn("smtputf8"):
            raise Refused(f"{self._name} offers no SMTPUTF8, which addresses need that are not ASCII.")
        mail.command_encoding = "utf-8"
        return ("SMTPUTF8",)

    def _begin(self, mail: smtplib.SMTP, options: t.Sequence[str]) -> None:
        for attempt in range(_MOST_PAUSES + 1):
            code, words = mail.mail(self.sender, options)
            if code not in _MAIL_LATER or attempt == _MOST_PAUSES:
                self._expect((code, words), f"MAIL FROM:<{self.sender}>")
                return
            time.sleep(_PAUSE)

    def _expect(self, answer: tuple[int, bytes], what: str) -> None:
        code, words = answer
        if not 200 <= code < 300:
            raise Refused(f"{self._name} refuses {what}: {code} {_text(words)}")


def _literal(mail: smtplib.SMTP) -> str:
    """The own address as an EHLO name, which needs no DNS (RFC 5321, 4.1.3)."""
    address = str(mail.sock.getsockname()[0]) if mail.sock else "127.0.0.1"
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _text(words: bytes) -> str:
    return " ".join(words.decode("utf-8", "replace").split())
