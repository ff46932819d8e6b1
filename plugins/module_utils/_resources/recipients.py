# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a mail server takes mail for some addresses, asked as another mail server would."""

from __future__ import annotations

import os
import ssl
import typing as t
import urllib.parse

from .._deps import AfterValidator, BeforeValidator
from .._errors import InvalidOption, Refused
from .._reconcile.plan import Mode, Outcome
from .._smtp import Answer, Exchanger
from ._options import Address, Options, one_or_more, read, without_repeats
from ._waiting import wait_until

_LONGEST_WAIT = 86400


class _RecipientOptions(Options):
    recipients: t.Annotated[tuple[Address, ...], BeforeValidator(one_or_more), AfterValidator(without_repeats)]
    host: str = ""
    port: int = 25
    sender: str = ""
    ehlo_name: str = ""
    starttls: bool = False
    wait_timeout: float = 0.0
    fail: bool = False
    url: str = ""
    timeout: float = 30.0
    validate_certs: bool = True
    ca_path: str = ""


def check(options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Ask by RCPT. Results: `accepted` (all of them), `recipients` (address, accepted, temporary, code, reply), `refused` (addresses)."""
    wanted = read(_RecipientOptions, options)
    if not 0 < wanted.port < 65536:
        raise InvalidOption("port", f"{wanted.port} is no port; give one from 1 to 65535.")
    if not 0 <= wanted.wait_timeout <= _LONGEST_WAIT:
        raise InvalidOption("wait_timeout", f"{wanted.wait_timeout:g} is no time to wait; give seconds, from 0 to a day.")
    exchanger = Exchanger(_host(wanted), wanted.port, wanted.sender, wanted.ehlo_name, wanted.timeout, _context(wanted) if wanted.starttls else None)
    answers: dict[str, Answer] = {}

    def is_done() -> bool:
        open_ones = [address for address in wanted.recipients if address not in answers or answers[address].is_temporary]
        answers.update(zip(open_ones, exchanger.ask(open_ones), strict=True))
        return not any(answer.is_temporary for answer in answers.values())

    wait_until(is_done, wanted.wait_timeout)
    told = [answers[address] for address in wanted.recipients]
    refused = [answer for answer in told if not answer.is_accepted]
    results: dict[str, t.Any] = {
        "accepted": not refused,
        "recipients": [
            {"address": each.address, "accepted": each.is_accepted, "temporary": each.is_temporary, "code": each.code, "reply": each.reply} for each in told
        ],
        "refused": [answer.address for answer in refused],
    }
    if wanted.fail and refused:
        words = "; ".join(f"{answer.address}: {answer.code} {answer.reply}" for answer in refused[:10])
        more = f"; and {len(refused) - 10} more" if len(refused) > 10 else ""
        raise Refused(f"the mail server {exchanger.host}:{exchanger.port} refuses {len(refused)} of {len(told)} recipients: {words}{more}.", **results)
    return Outcome(results)


def _host(wanted: _RecipientOptions) -> str:
    host = wanted.host or urllib.parse.urlsplit(wanted.url).hostname or ""
    if not host:
        raise InvalidOption("host", "it is missing, and there is no url to take it from; give the mail server's name or address.")
    return host


def _context(wanted: _RecipientOptions) -> ssl.SSLContext:
    try:
        is_folder = os.path.isdir(wanted.ca_path)
        context = ssl.create_default_context(cafile=None if is_folder else wanted.ca_path or None, capath=wanted.ca_path if is_folder else None)
    except OSError as error:
        raise InvalidOption("ca_path", f"{wanted.ca_path!r} can't be used ({error}); give a file of certificates in PEM form.") from None
    if not wanted.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
