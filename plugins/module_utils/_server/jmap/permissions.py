# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions: the names of playbooks (`email-send`) and those of the API (`emailSend`).

About half of the names that servers up to 0.15 had are still names, or were renamed; the rest were rights to requests of the
old API and now mean the rights to the requests that take their place, so that one playbook gives the same on both.
"""

from __future__ import annotations

import functools
import re
import typing as t

_ACTIONS = {"create": ("create",), "delete": ("destroy",), "get": ("get",), "list": ("query", "get"), "update": ("update",)}

# the objects that each kind of the old API is now
_OBJECTS: dict[str, tuple[str, ...]] = {
    "individual": ("account",),
    "group": ("account",),
    "mailing-list": ("mailing-list",),
    "domain": ("domain",),
    "role": ("role",),
    "tenant": ("tenant",),
    "oauth-client": ("oauth-client",),
    "api-key": ("api-key",),
    "principal": ("account", "mailing-list", "domain", "role", "tenant", "oauth-client"),
    "dkim-signature": ("dkim-signature",),
    "message-queue": ("queued-message",),
    "incoming-report": ("dmarc-external-report", "tls-external-report", "arf-external-report"),
    "outgoing-report": ("dmarc-internal-report", "tls-internal-report"),
}

_SETS = (
    "address-book",
    "calendar",
    "calendar-event",
    "calendar-event-notification",
    "contact-card",
    "email",
    "email-submission",
    "file-node",
    "identity",
    "mailbox",
    "participant-identity",
    "push-subscription",
    "share-notification",
    "sieve-script",
    "vacation-response",
)

_RENAMED: dict[str, tuple[str, ...]] = {
    "ai-model-interact": ("interact-ai",),
    "blob-fetch": ("fetch-any-blob",),
    "calendar-alarms": ("calendar-alarms-send",),
    "jmap-echo": ("jmap-core-echo",),
    "jmap-search-snippet": ("jmap-search-snippet-get",),
    "logs-view": ("sys-log-query", "sys-log-get"),
    "manage-encryption": ("sys-account-settings-get", "sys-account-settings-update", "sys-public-key-get", "sys-public-key-query", "sys-public-key-create"),
    "manage-passwords": (
        "sys-account-password-get",
        "sys-account-password-update",
        "sys-app-password-query",
        "sys-app-password-get",
        "sys-app-password-create",
        "sys-app-password-destroy",
    ),
    "metrics-list": ("sys-metric-query", "sys-metric-get"),
    "metrics-live": ("live-metrics",),
    "settings-reload": ("action-reload-settings",),
    "spam-filter-classify": ("action-classify-spam",),
    "spam-filter-test": ("action-classify-spam",),
    "spam-filter-train": ("sys-spam-training-sample-create", "task-spam-filter-maintenance"),
    "spam-filter-update": ("task-spam-filter-maintenance",),
    "purge-account": ("task-account-maintenance",),
    "purge-blob-store": ("task-store-maintenance",),
    "purge-data-store": ("task-store-maintenance",),
    "purge-in-memory-store": ("task-store-maintenance",),
    "fts-reindex": ("task-account-maintenance", "task-store-maintenance"),
    "tracing-get": ("sys-trace-get",),
    "tracing-list": ("sys-trace-query", "sys-trace-get"),
    "tracing-live": ("live-tracing",),
    "troubleshoot": ("live-delivery-test", "action-troubleshoot-dmarc"),
    "undelete": ("sys-archived-item-query", "sys-archived-item-get", "sys-archived-item-update"),
    "webadmin-update": ("action-update-apps",),
}

#: Rights of the old API that have no successor: there is no such request any more.
GONE = frozenset(
    {"settings-list", "settings-update", "settings-delete", "restart", "delete-system-folders", "delete-system-folders_", "jmap-sieve-script-query-changes"}
)

#: One right now, two before: whoever may log in may do so by OAuth too. The second stands beside the first in what is told, and is not sent.
LOGIN = "authenticate"
LOGIN_BY_TOKEN = "authenticate-oauth"


@functools.cache
def meant(name: str) -> tuple[str, ...]:
    """The names under which servers of this generation know what a playbook calls so; () for what is gone."""
    if name in (LOGIN, LOGIN_BY_TOKEN):
        return (LOGIN, LOGIN_BY_TOKEN)
    if name in GONE:
        return ()
    if name in _RENAMED:
        return _RENAMED[name]
    if name.startswith("jmap-") and name.endswith("-set") and name[5:-4] in _SETS:
        return tuple(f"{name[:-4]}-{action}" for action in ("create", "update", "destroy"))
    kind, _dash, action = name.rpartition("-")
    if kind in _OBJECTS and action in _ACTIONS:
        return tuple(f"sys-{each}-{verb}" for each in _OBJECTS[kind] for verb in _ACTIONS[action])
    # the API's own spelling is taken as well
    return (told(name),) if any(character.isupper() for character in name) else (name,)


def told(wire: str) -> str:
    """`emailSend` as `email-send`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", wire.replace("OAuth", "Oauth").replace("oAuth", "oauth")).lower()


def wire(name: str) -> str:
    """`email-send` as `emailSend`."""
    first, *rest = name.split("-")
    others = "".join(word.capitalize() for word in rest).replace("Oauth", "OAuth")
    return ("oAuth" if first == "oauth" else first) + others


def to_wire(names: t.Iterable[str]) -> dict[str, bool]:
    """A set of permissions as the API takes it."""
    return {wire(name): True for name in names if name != LOGIN_BY_TOKEN}


def from_wire(names: t.Collection[str]) -> tuple[str, ...]:
    """A set of permissions as playbooks name them, sorted."""
    if not names:
        return ()
    found = {told(name) for name in names}
    return tuple(sorted(found | {LOGIN_BY_TOKEN} if LOGIN in found else found))
