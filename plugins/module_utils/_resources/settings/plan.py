# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be written to make settings as wanted, and what must not be."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..._errors import InvalidOption, Refused
from ..._reconcile.plan import Change
from ..._secrets import HIDDEN, is_secret_key, scrub
from .tree import Value, join, keys_of, named_below, plain, settings_in, stored

RESOURCE = "setting"

#: Below these the server itself or another module of ours keeps its own; what no one listed there would be lost.
OWNED = {
    "signature": "the module dkim",
    "server.blocked-ip": "the module ip_list, and the server puts there whom it bans",
    "server.allowed-ip": "the module ip_list",
    "spam-filter": "the server, which updates its rules there",
    "lookup": "the server, which updates its rules there",
    "version": "the server",
    "stalwart-mail": "the module principal",
}

#: Made once by the server and needed by what it issued or stored; never swept away with what is around them.
KEPT = frozenset({"oauth.key", "oauth.oidc.signature-key", "report.domain"})

#: The account and the certificate that the server itself keeps beside what is said of an ACME provider.
_ACME_OWN = re.compile(r"(acme\.[^.]+)\.(?:account-key|cert)")

#: Changes below these are live only after a restart of the server, which the API can't do.
RESTART = ("server.listener", "store", "tracer")


@dataclasses.dataclass
class Plan:
    """Keys to write and to remove, what of them is there now, and the changes as they are shown.

    `after` are the flat keys of the settings concerned as they will be.
    """

    writes: dict[str, str] = dataclasses.field(default_factory=dict)
    deletions: list[str] = dataclasses.field(default_factory=list)
    before: dict[str, str] = dataclasses.field(default_factory=dict)
    after: dict[str, str] = dataclasses.field(default_factory=dict)
    changes: list[Change] = dataclasses.field(default_factory=list)

    @property
    def touched(self) -> list[str]:
        """Every key that is written or removed."""
        return sorted({*self.writes, *self.deletions})

    def write(self, key: str, value: Value, found: t.Mapping[str, str]) -> None:
        """Make one setting this value. A text takes the place of a list, and a list that of a text."""
        foreign = named_below(key, found) if isinstance(value, list) else []
        if foreign:
            raise Refused(
                f"settings: {key!r} is given as a list, but on the server it holds named keys ({some(foreign)}); "
                "give a dictionary, or remove those keys first (state: absent)."
            )
        old, keys = stored(key, found)
        if old == value or (old is None and value == []):
            self.after.update((name, found[name]) for name in keys)
            return
        new = keys_of(key, value, found)
        self.after.update(new)
        written = {name: text for name, text in new.items() if found.get(name) != text}
        removed = [name for name in keys if name not in new]
        self.writes.update(written)
        self.deletions.extend(removed)
        self.before.update((name, found[name]) for name in (*written, *removed) if name in found)
        self.changes.append(change(key, old, value))

    def remove(self, keys: t.Collection[str], found: t.Mapping[str, str]) -> None:
        """Remove flat keys that are there; shown by setting."""
        new = [key for key in sorted(keys) if key not in self.deletions and key not in self.writes]
        self.deletions.extend(new)
        self.before.update((key, found[key]) for key in new)
        self.changes.extend(change(key, value, None) for key, value in settings_in({key: found[key] for key in new}).items())


def present(wanted: t.Mapping[str, Value], found: t.Mapping[str, str]) -> Plan:
    """Each wanted setting as given; nothing else is touched."""
    plan = Plan()
    for key, value in wanted.items():
        plan.write(key, value, found)
    return plan


def exact(wanted: t.Mapping[str, Value], found: t.Mapping[str, str], prefix: str) -> Plan:
    """Below the prefix nothing but the wanted settings."""
    plan = present(wanted, found)
    below = {key for key in found if key.startswith(f"{prefix}.") and key not in KEPT and not _belongs_to_acme(key, wanted)}
    plan.remove(below - set(plan.after), found)
    return plan


def _belongs_to_acme(key: str, wanted: t.Iterable[str]) -> bool:
    own = _ACME_OWN.fullmatch(key)
    return own is not None and any(other.startswith(f"{own[1]}.") for other in wanted)


def absent(keys: t.Collection[str], prefixes: t.Collection[str], found: t.Mapping[str, str]) -> tuple[Plan, list[str]]:
    """Without these settings, and without all below the prefixes. The second are keys that are none but have others below them."""
    plan = Plan()
    gone: set[str] = set()
    stems = []
    for key in keys:
        _old, names = stored(key, found)
        gone.update(names)
        if not names and named_below(key, found):
            stems.append(key)
    for prefix in prefixes:
        gone.update(key for key in found if (key == prefix or key.startswith(f"{prefix}.")) and (key not in KEPT or key == prefix))
    plan.remove(gone, found)
    return plan, stems


def refuse_owned(prefix: str, option: str, *, below: bool) -> None:
    """Refuse to sweep a prefix that holds what others own; `below` refuses also what is deeper than theirs. Raises InvalidOption."""
    if not prefix:
        raise InvalidOption(option, "it is empty, which is the whole configuration of the server; name the prefix that is yours.")
    for owned, owner in OWNED.items():
        is_above = owned == prefix or owned.startswith(f"{prefix}.")
        if is_above or (below and prefix.startswith(f"{owned}.")):
            what = f"{prefix!r}" if not is_above or owned == prefix else f"below {prefix!r} there is {owned!r}, which"
            raise InvalidOption(
                option, f"{what} belongs to {owner}; what is there and not listed would be lost. Name a longer prefix of your own, or single keys."
            )


# How it is shown


def shown(key: str, value: Value | None) -> t.Any:
    """A setting as diffs and results show it: secrets masked, by the key's name or by what they look like."""
    if value is None:
        return None
    if isinstance(value, str):
        return shown_text(key, value)
    return plain([{sub: shown_text(join(key, sub), text) for sub, text in element.items()} for element in value])


def shown_text(key: str, text: str) -> str:
    """One flat key's value."""
    return HIDDEN if text and is_secret_key(key) else scrub(text)


def change(key: str, old: Value | None, new: Value | None) -> Change:
    """The change of one setting as it is shown; writing is done for all of them together."""
    before = {"value": shown(key, old)} if old is not None else None
    after = {"value": shown(key, new)} if new is not None else None
    if before is not None and before == after:
        # a diff of two equal masks would show nothing
        after = {"value": f"{HIDDEN} (changed)"}
    action = "create" if old is None else "delete" if new is None else "update"
    return Change(RESOURCE, key, action, before, after, lambda: None)


def some(keys: t.Sequence[str], most: int = 5) -> str:
    """A few of many keys, for a sentence."""
    rest = len(keys) - most
    return ", ".join(keys[:most]) + (f" and {rest} more" if rest > 0 else "")
