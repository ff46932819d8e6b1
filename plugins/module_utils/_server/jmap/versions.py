# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which version a server is: servers since 0.16 don't say, but their schema grew with the versions."""

from __future__ import annotations

import typing as t

#: The schema by its name (a hash), where a version is known to have it.
_BY_NAME = {"25gnm1_xB9bPk-puX9VTFMP1W5V-1muUWuK964-_uEw": "0.16.18"}

#: What came with a version, the newest first: a property or a variant of a type, or with neither the type.
_CAME_WITH: tuple[tuple[str, str, str], ...] = (
    ("1.0.0", "x:IndexQueueStatus", ""),
    ("0.16.18", "x:ReportSettings", "inboundReportMaxSize"),
    ("0.16.17", "x:AcmeProvider", "description"),
    ("0.16.12", "x:DkimSignature", "Dkim2RsaSha256"),
    ("0.16.11", "x:EncryptionAtRest", "Aes256Gcm"),
    ("0.16.10", "x:Http", "redirectRoot"),
    ("0.16.9", "x:AcmeProvider", "preferredChain"),
    ("0.16.6", "x:DnsServer", "Deprecated1"),
    ("0.16.2", "x:S3Store", "verifyAfterWrite"),
)


def version_by_name(name: str) -> str:
    """The version that has the schema of this name; "" when it is not known."""
    return _BY_NAME.get(name, "")


def version_by_content(schema: t.Mapping[str, t.Any]) -> str:
    """The first version whose schema has all that this one has, as far as differences are known."""
    fields, kinds = schema.get("fields") or {}, schema.get("schemas") or {}

    def has(object_type: str, part: str) -> bool:
        properties = (fields.get(object_type) or {}).get("properties") or {}
        variants = {variant.get("name") for variant in (kinds.get(object_type) or {}).get("variants") or ()}
        return part in properties or part in variants if part else object_type in kinds

    return next((version for version, object_type, part in _CAME_WITH if has(object_type, part)), "0.16.0")
