# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the names of a task mean on a server that names mailboxes by their addresses, and permissions in its own way.

There `jane` is the mailbox jane of the domain that its addresses say, else one that exists, else one of the default domain. So
playbooks written for servers where names are free mean the same there.
"""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption
from ..._names import canonical_address, domain_of
from ..._server.port import Principals
from .._options import ListEdit
from .options import PrincipalOptions

#: What is named by its address, on servers that do so.
MAILBOXES = ("individual", "group", "list")

#: The full name of what exists (or will) under a name without domain; "" for nothing.
Existing = t.Callable[[str], str]


def address_given(wanted: PrincipalOptions, name: str = "") -> str:
    """Which of the addresses given for a mailbox is the one that its name (or this one) stands for, else ""."""
    return next((address for address in _addresses(wanted) if address.rpartition("@")[0] == (name or wanted.name)), "")


def is_short(wanted: PrincipalOptions) -> bool:
    """Whether the name may be that of a mailbox, without its domain."""
    return wanted.type in (None, *MAILBOXES) and "@" not in wanted.name


def new_address(principals: Principals, wanted: PrincipalOptions) -> str:
    """The full name of a mailbox that does not exist yet. Raises InvalidOption where no address can be made of the name."""
    addresses = _addresses(wanted)
    address = address_given(wanted) or f"{wanted.name}@{domain_of(addresses[0]) if addresses else principals.default_domain()}"
    try:
        return canonical_address(address)
    except ValueError as error:
        raise InvalidOption("name", str(error)) from None


def key_named(wanted: PrincipalOptions, existing: Existing, own_names: t.Callable[[], t.Collection[str]]) -> PrincipalOptions:
    """The same with the full name of an API key, if it may be one: with the address of its owner, or without one where that is this login.

    A new name without an owner is one among the keys of the same.
    """
    if wanted.type != "api_key" and (wanted.type is not None or "/" not in wanted.name):
        return wanted

    def full(name: str) -> str:
        owner, _slash, key = name.rpartition("/")
        owner = owner if not owner or "@" in owner else existing(owner) or owner
        return key if not owner or owner in own_names() else f"{owner}/{key}"

    values = {"name": full(wanted.name)}
    if wanted.new_name is not None:
        owner = wanted.name.rpartition("/")[0]
        values["new_name"] = full(f"{owner}/{wanted.new_name}" if owner and "/" not in wanted.new_name else wanted.new_name)
    return wanted.model_copy(update=values)


def renamed(wanted: PrincipalOptions, name: str) -> str:
    """The full name that a mailbox of this full name shall get: in the domain that its addresses say, else in its own."""
    new_name = wanted.new_name or ""
    return new_name if "@" in new_name else address_given(wanted, new_name) or f"{new_name}@{domain_of(name)}"


def completed(principals: Principals, wanted: PrincipalOptions, name: str, existing: Existing) -> PrincipalOptions:
    """The same with the mailbox's full name and those of everything it refers to, and with permissions as this server names them."""
    values: dict[str, t.Any] = {"name": name}
    if wanted.new_name and "@" not in wanted.new_name and "@" in name and "/" not in domain_of(name):
        values["new_name"] = renamed(wanted, name)
    fields = ["member_of", "lists"] + (["members"] if wanted.type != "role" else [])
    for field in fields:
        edit = getattr(wanted, field)
        if edit is not None:
            values[field] = _mapped(edit, lambda each: ((existing(each) or each) if "@" not in each else each,))
    for field in ("enabled_permissions", "disabled_permissions"):
        edit = getattr(wanted, field)
        if edit is not None:
            values[field] = _mapped(edit, principals.permissions_meant)
    changed = {field: value for field, value in values.items() if value is not getattr(wanted, field) and value != getattr(wanted, field)}
    return wanted.model_copy(update=changed) if changed else wanted


def _addresses(wanted: PrincipalOptions) -> t.Sequence[str]:
    edit = wanted.emails
    if edit is None:
        return ()
    return edit.add if edit.exact is None else edit.exact


def _mapped(edit: ListEdit[str], meant: t.Callable[[str], t.Sequence[str]]) -> ListEdit[str]:
    def all_of(names: t.Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for name in names for each in meant(name)))

    mapped = {"exact": None if edit.exact is None else all_of(edit.exact), "add": all_of(edit.add), "remove": all_of(edit.remove)}
    return edit if mapped == {field: getattr(edit, field) for field in mapped} else edit.model_copy(update=mapped)
