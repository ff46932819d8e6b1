# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles on each line of ansible-core; what else they do is shown by their scenarios in extensions/molecule, on the newest line alone."""

from __future__ import annotations

import pathlib

import yaml

from tests.support.cases import play
from tests.support.servers import stand_in

PASSWORD = "correct-horse-battery-staple-roles"


def test_domains_that_are_published_differently_share_their_files(tmp_path: pathlib.Path) -> None:
    """All records of all domains are in them, the MX too, and they are written once, so that a second run changes nothing."""
    variables = {
        "domain_list": [
            {"name": "example.org", "postmaster": "jane", "accounts": [{"name": "jane", "password": PASSWORD}]},
            {"name": "example.net", "postmaster": "jane", "dns": {"dmarc_policy": "quarantine", "dmarc_pct": 20}},
        ],
        "domain_dkim": {"enabled": False},
        "domain_dns": {"directory": str(tmp_path / "dns")},
        "domain_cutover": True,
        "domain_smtp_host": "127.0.0.1",
        "domain_smtp_port": "{{ smtp_port }}",
    }
    defaults = {"group/stalwart.mail.stalwart": {"url": "{{ url }}", "login_user": "{{ user }}", "login_password": "{{ password }}"}}
    playbook = tmp_path / "play.yml"
    played = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "vars": variables, "roles": ["stalwart.mail.domain"]}
    playbook.write_text(yaml.safe_dump([played]), encoding="utf-8")
    with stand_in() as server:
        connection = {"url": server.url, "user": server.user, "password": server.password, "smtp_port": server.smtp_port}
        done = play(playbook, tmp_path, connection)
    assert done.status == 0, done.output
    assert done.output.count(" : A table for people]") == 1
    table = (tmp_path / "dns" / "records.txt").read_text(encoding="utf-8").splitlines()[1:]
    zones = [line.split()[0] for line in table]
    assert zones == sorted(zones)
    assert set(zones) == {"example.net", "example.org"}
    for zone, policy in (("example.net", "p=quarantine"), ("example.org", "p=none")):
        file = (tmp_path / "dns" / f"{zone}.zone").read_text(encoding="utf-8")
        assert " IN MX " in file
        assert f"v=DMARC1; {policy}; " in file
        assert ("; pct=20" in file) == (zone == "example.net")
        assert len(file.splitlines()) == 2 + zones.count(zone)
