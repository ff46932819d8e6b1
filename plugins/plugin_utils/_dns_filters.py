# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters for record sets and zone files share: values in, record sets, errors out."""

from __future__ import annotations

import collections.abc
import functools
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.stalwart.mail.plugins.module_utils._deps import require_libraries
from ansible_collections.stalwart.mail.plugins.module_utils._errors import StalwartError
from ansible_collections.stalwart.mail.plugins.module_utils._frontend.values import plain
from ansible_collections.stalwart.mail.plugins.module_utils._resources._dns_text import ZoneRecord, parse_zone_file
from ansible_collections.stalwart.mail.plugins.module_utils._resources.dns_records import RecordSet, from_result

Filter = t.Callable[..., t.Any]


def dns_filter(function: Filter) -> Filter:
    """A filter over plain values, whose problems become errors that name it.

    Since ansible-core 2.19 filters get containers that render their elements when they are read; what validates data in C
    would see the templates instead, so all arguments are read out first.
    """

    @functools.wraps(function)
    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            require_libraries()
            return function(*plain(args), **plain(kwargs))
        except (StalwartError, ValueError, TypeError) as error:
            raise AnsibleFilterError(f"stalwart.mail.{function.__name__}: {error}") from None

    return call


def sets_of(data: t.Any) -> tuple[RecordSet, ...]:
    """The record sets that a filter got: one, a list, or a result that holds `record_sets`. Raises ValueError for anything else."""
    if isinstance(data, collections.abc.Mapping):
        data = data.get("record_sets", [data])
    if not isinstance(data, list) or not all(isinstance(element, dict) for element in data):
        raise ValueError("give record sets: a list, or a result that holds record_sets.")
    return tuple(from_result(element) for element in data)


def sources_of(data: t.Any) -> tuple[ZoneRecord, ...]:
    """The records that a filter got: a zone file's text, or a list of type, name, content and perhaps ttl, or of record sets."""
    if isinstance(data, str):
        return parse_zone_file(data)
    if isinstance(data, dict):
        data = data.get("record_sets", [data])
    return tuple(source for element in data for source in _sources(element))


def _sources(element: t.Any) -> list[ZoneRecord]:
    if isinstance(element, dict) and "records" in element:
        records = from_result(element).records
        return [ZoneRecord(type=record.type, name=record.fqdn, content=record.value, ttl=record.ttl) for record in records]
    return [_source(element)]


def _source(element: t.Any) -> ZoneRecord:
    if not isinstance(element, dict) or not {"type", "name", "content"} <= element.keys() <= {"type", "name", "content", "ttl"}:
        raise ValueError("give the text of a zone file, or a list of records, each with type, name, content and perhaps ttl.")
    ttl = element.get("ttl")
    if ttl is not None and (isinstance(ttl, bool) or not str(ttl).isdigit()):
        raise ValueError(f"the ttl {ttl!r} of {element['name']} is no number of seconds.")
    return ZoneRecord(type=str(element["type"]), name=str(element["name"]), content=str(element["content"]), ttl=None if ttl is None else int(ttl))
