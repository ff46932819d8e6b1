# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The note of what was disabled before an account was locked: made, carried along, and ended."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import PermissionDenied, Refused
from ansible_collections.stalwart.mail.plugins.module_utils._resources._options import read
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal import lock, plan
from ansible_collections.stalwart.mail.plugins.module_utils._resources.principal.options import PrincipalOptions
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.principal import Principal
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest._call import RestCaller
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.principals import RestPrincipals
from ansible_collections.stalwart.mail.plugins.module_utils._server.rest.settings import RestSettings

KEY = "stalwart-mail.kept-permissions"


class Settings:
    def __init__(self, stored: dict[str, str], *, may_read: bool) -> None:
        self.stored = stored
        self.may_read = may_read

    def read(self, keys: t.Sequence[str]) -> dict[str, str]:
        if not self.may_read:
            raise PermissionDenied("403 Forbidden", request="GET /api/settings/keys")
        return {key: self.stored[key] for key in keys if key in self.stored}

    def insert(self, values: t.Mapping[str, str]) -> None:
        self.stored.update(values)

    def delete(self, keys: t.Sequence[str]) -> None:
        for key in keys:
            self.stored.pop(key, None)


class Site:
    """Settings, and one account that tasks are run on."""

    def __init__(self, *disabled: str, enabled: tuple[str, ...] = (), may_read: bool = True, **notes: str) -> None:
        self.settings = Settings({f"{KEY}.{who}": noted for who, noted in notes.items()}, may_read=may_read)
        self.principals = RestPrincipals(t.cast(RestCaller, None), t.cast(RestSettings, self.settings))
        self.account = Principal(name="alice", type="individual", enabled_permissions=enabled, disabled_permissions=disabled)

    def run(self, **options: t.Any) -> set[str]:
        """What is disabled after a task with these options."""
        server = t.cast(Server, self)
        wanted = read(PrincipalOptions, {"name": self.account.name, **options})
        kept = lock.kept(server, self.account, wanted)
        after = plan.target(self.account, wanted, kept)
        for change in [*lock.remember(server, self.account, after, wanted, kept), *lock.forget(server, self.account, after, wanted, kept)]:
            change.apply()
        self.account = after
        return set(after.disabled_permissions)


@pytest.mark.parametrize("together", [True, False])
def test_a_locked_account_keeps_its_note_under_a_new_name(together: bool) -> None:
    site = Site("email-send", "imap-id")
    if together:
        site.run(enabled=False, new_name="carol")
    else:
        site.run(enabled=False)
        site.run(new_name="carol")
    assert site.settings.stored == {f"{KEY}.carol": "email-send"}
    assert site.run(enabled=True) == {"email-send", "imap-id"}
    assert site.settings.stored == {}


def test_an_account_is_renamed_and_unlocked_in_one_task() -> None:
    site = Site("email-send")
    site.run(enabled=False)
    assert site.run(enabled=True, new_name="carol") == {"email-send"}
    assert site.settings.stored == {}


def test_what_was_enabled_by_itself_is_so_again() -> None:
    site = Site("email-receive", enabled=("authenticate", "imap-id"))
    site.run(enabled=False)
    assert site.account.enabled_permissions == ("imap-id",)
    assert site.run(enabled=True) == {"email-receive"}
    assert set(site.account.enabled_permissions) == {"authenticate", "imap-id"}


def test_a_note_that_is_left_over_is_not_gone_by() -> None:
    site = Site(alice="email-send")
    site.run(enabled=False)
    assert site.settings.stored == {}
    assert site.run(enabled=True) == set()


def test_who_may_not_read_settings_can_lock_and_is_told_why_unlocking_is_refused() -> None:
    site = Site(may_read=False)
    assert set(plan.LOCKED) <= site.run(enabled=False)
    with pytest.raises(Refused, match=r"^enabled: what 'alice' could not do before it was locked .* settings-list"):
        site.run(enabled=True)
    assert site.run(description="Alice") >= set(plan.LOCKED)
