# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters as playbooks use them: through Ansible's templating, with values that are templates themselves."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.18 renders every string

    def trust_as_template(value: str) -> str:
        return value


def render(expression: str, **variables: t.Any) -> t.Any:
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template("{{ " + expression + " }}"))


OWN: list[dict[str, t.Any]] = [
    {"type": "A", "name": "mx.example.org", "content": "192.0.2.25"},
    {"type": "MX", "name": "example.org.", "content": "20 backup.example.net.", "ttl": 300},
    {"type": "TXT", "name": "Example.org", "content": "v=spf1 mx -all"},
    {"type": "MX", "name": "example.com", "content": "10 mx.example.org."},
]


def test_records_to_zone_file() -> None:
    assert render("own | stalwart.mail.record_sets('example.org') | stalwart.mail.zone_file", own=OWN) == (
        '$ORIGIN example.org.\n$TTL 3600\n@  300  IN MX  20 backup.example.net.\n@  3600 IN TXT "v=spf1 mx -all"\nmx 3600 IN A   192.0.2.25\n'
    )


def test_values_that_are_templates_are_rendered_first() -> None:
    own = [{"type": "MX", "name": trust_as_template("{{ domain }}"), "content": trust_as_template("{{ 5 * 2 }} mx.{{ domain }}.")}]
    sets = render("own | stalwart.mail.record_sets(domain, zones=[domain], ttl=seconds | int, include=['mx'])", own=own, domain="example.org", seconds="60")
    assert [(found["value"], found["ttl"], found["zone"]) for found in sets] == [(["10 mx.example.org."], 60, "example.org")]
    text = render("{'record_sets': sets} | stalwart.mail.zone_file", sets=sets)
    assert text == "$ORIGIN example.org.\n$TTL 60\n@ IN MX 10 mx.example.org.\n"


def test_record_sets_and_records_mix() -> None:
    first = render("own | stalwart.mail.record_sets('example.org')", own=OWN)
    more = [{"type": "MX", "name": "example.org", "content": "10 mx.example.org."}]
    mixed = render("(first + more) | stalwart.mail.record_sets('example.org')", first=first, more=more)
    assert [(found["name"], found["type"], found["value"], found["ttl"]) for found in mixed] == [
        ("@", "MX", ["10 mx.example.org.", "20 backup.example.net."], 300),
        ("@", "TXT", ["v=spf1 mx -all"], 3600),
        ("mx", "A", ["192.0.2.25"], 3600),
    ]
    assert render("{'record_sets': first} | stalwart.mail.record_sets('example.org')", first=first) == first


def test_a_zone_file_back_to_record_sets() -> None:
    sets = render("own | stalwart.mail.record_sets('example.org')", own=OWN)
    assert render("sets | stalwart.mail.zone_file | stalwart.mail.record_sets('example.org')", sets=sets) == sets


def test_other_texts() -> None:
    sets = render("own | stalwart.mail.record_sets('example.org')", own=OWN)
    files = render("sets | stalwart.mail.octodns_files", sets=sets)
    assert list(files) == ["example.org.yaml"]
    assert '      - exchange: "backup.example.net."\n' in files["example.org.yaml"]
    assert "backup.example.net." in render("sets | stalwart.mail.record_table", sets=sets).splitlines()[1]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("'a IN' | stalwart.mail.record_sets('example.org')", "stalwart.mail.record_sets: line 1 of the zone file can't be read"),
        ("[{'name': 'x'}] | stalwart.mail.record_sets('example.org')", "stalwart.mail.record_sets: give the text of a zone file"),
        ("own | stalwart.mail.record_sets('example.org', include=['mxx'])", "stalwart.mail.record_sets: include: 'mxx' is neither"),
        ("own | stalwart.mail.record_sets('example.org', zones=['example.net'])", "none of the zones (example.net) holds"),
        ("own | stalwart.mail.record_sets", "stalwart.mail.record_sets: "),
        ("own | stalwart.mail.zone_file", "stalwart.mail.zone_file: this is not a record set"),
        ("'text' | stalwart.mail.zone_file", "stalwart.mail.zone_file: give record sets"),
    ],
)
def test_what_can_not_be_read_is_named(expression: str, sentence: str) -> None:
    with pytest.raises(AnsibleError) as caught:
        render(expression, own=OWN)
    assert sentence in str(caught.value)
