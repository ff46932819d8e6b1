# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encryption at rest of the account that logs in: new mail is stored encrypted to its certificates."""

from __future__ import annotations

import typing as t

from .._certificates import Certificate, certificate_of, read_certificates
from .._deps import BeforeValidator
from .._errors import InvalidOption, NotApplied, Refused
from .._reconcile.compare import difference
from .._reconcile.plan import Change, Mode, Outcome, apply
from .._server.models.account import Algorithm, Encryption
from .._server.port import Account, Server
from ._options import Options, one_or_more, read

RESOURCE = "encryption at rest"


class _CryptoOptions(Options):
    state: t.Literal["present", "absent"] = "present"
    certificates: t.Annotated[tuple[str, ...], BeforeValidator(one_or_more)] | None = None
    algorithm: Algorithm | None = None
    allow_spam_training: bool | None = None


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Switch it on, change it or switch it off. Results: `encryption` (None when it is off)."""
    wanted = read(_CryptoOptions, options)
    account = server.account
    given = _certificates(wanted)
    found = account.encryption()
    if wanted.state == "absent":
        after = None
    else:
        if wanted.allow_spam_training is not None and (found is None or found.allow_spam_training is None):
            account.require_spam_training_choice()
        after = _target(found, wanted, given)
        if found is None and after.allow_spam_training is None:
            after = after.model_copy(update={"allow_spam_training": _default_training(account)})
    before_state, after_state = difference(_diffed(found), _diffed(after))
    changes: list[Change] = []
    if before_state or after_state:
        action = "create" if found is None else "delete" if after is None else "update"
        shown_before = None if found is None else before_state
        shown_after = None if after is None else after_state
        changes = [Change(RESOURCE, account.name or "(token)", action, shown_before, shown_after, lambda: account.set_encryption(after))]
    apply(changes, mode)
    if changes and not mode.check:
        now = account.encryption()
        missing, _other = difference(_compared(after), _compared(now))
        if missing or (now is None) != (after is None):
            raise NotApplied("the server answered success, but encryption at rest is not as it was told; read it with account_crypto_info.")
        after = now
    return Outcome({"encryption": shown(after)}, changes)


def info(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Encryption at rest of the account. Results: `encryption`."""
    return Outcome({"encryption": shown(server.account.encryption())})


def _certificates(wanted: _CryptoOptions) -> tuple[Certificate, ...] | None:
    if wanted.state == "absent":
        for option in ("certificates", "algorithm", "allow_spam_training"):
            if wanted.given(option):
                raise InvalidOption(option, "it does not go with state: absent; remove it.")
    if wanted.certificates is None:
        return None
    if not wanted.certificates:
        raise InvalidOption("certificates", "the list is empty; use state: absent to switch encryption off.")
    try:
        return read_certificates(wanted.certificates)
    except ValueError as error:
        raise InvalidOption("certificates", f"{error}.") from None


def _target(found: Encryption | None, wanted: _CryptoOptions, given: tuple[Certificate, ...] | None) -> Encryption:
    if given is None:
        if found is None:
            raise InvalidOption("certificates", "encryption is off, and switching it on needs them; give one PEM certificate or OpenPGP key at least.")
        if found.certificates is None:
            raise InvalidOption("certificates", "the ones that the server has can't be read here, so that a change needs them; give them.")
    certificates = tuple(certificate.data for certificate in given) if given else found.certificates if found else ()
    if found is not None and set(found.certificates or ()) == set(certificates or ()):
        certificates = found.certificates  # in the server's order, so that equal states are equal
    training = wanted.allow_spam_training if wanted.allow_spam_training is not None else found.allow_spam_training if found else None
    return Encryption(
        method=given[0].method if given else found.method if found else "smime",
        algorithm=wanted.algorithm or (found.algorithm if found else "aes256"),
        certificates=certificates,
        allow_spam_training=training,
    )


def _default_training(account: Account) -> bool | None:
    """No, where the server has a say in it."""
    try:
        account.require_spam_training_choice()
    except Refused:
        return None
    return False


def _compared(encryption: Encryption | None) -> dict[str, t.Any]:
    return {key: value for key, value in _diffed(encryption).items() if value is not None}


def _diffed(encryption: Encryption | None) -> dict[str, t.Any]:
    """As diffs show it: a certificate is named by whom it is of and its fingerprint."""
    state = shown(encryption) or {}
    if state:
        state["certificates"] = sorted(f"{each['subject']} {each['fingerprint']}" for each in state["certificates"] or ())
    return {key: value for key, value in state.items() if value is not None}


def shown(encryption: Encryption | None) -> dict[str, t.Any] | None:
    """As results return it. Certificates are public."""
    if encryption is None:
        return None
    certificates = None
    if encryption.certificates is not None:
        certificates = [
            {"fingerprint": each.fingerprint, "subject": each.subject, "expires": each.expires.isoformat() if each.expires else None, "text": each.text()}
            for each in (certificate_of(encryption.method, data) for data in encryption.certificates)
        ]
    return {
        "method": encryption.method,
        "algorithm": encryption.algorithm,
        "certificates": certificates,
        "allow_spam_training": encryption.allow_spam_training,
    }
