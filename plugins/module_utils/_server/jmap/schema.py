# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema that a server publishes of its own objects, read into types, with what it does not say added.

Types are read when they are asked for: there are 117 of them, and a task needs few.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import typing as t

from ..models.objects import VARIANT, Kind, ObjectType, Property, Shape, Update, ValueType, default_value
from ..models.server import ReloadPart
from ._call import JmapCaller
from ._values import decode

_PREFIX = "x:"
_EXPRESSION = "x:Expression"
_RATE = "x:Rate"
_HIDDEN_MAPS = frozenset({"httpHeaders"})
_UPDATES: dict[str, Update] = {"mutable": "mutable", "immutable": "immutable", "serverSet": "server"}
_PLAIN_KINDS: dict[str, Kind] = {
    "boolean": "boolean",
    "enum": "enum",
    "utcDateTime": "time",
    "objectId": "reference",
    "blobId": "blob",
    "set": "set",
    "map": "map",
}

# What the schema does not say, as measured on 0.16.18

_LABELS = {"Account": "emailAddress", "MailingList": "emailAddress"}
_NATURAL_KEYS: dict[str, tuple[str, ...]] = {
    "Account": ("name", "domainId"),
    "MailingList": ("name", "domainId"),
    "DkimSignature": ("domainId", "selector"),
    "MemoryLookupKey": ("namespace", "key"),
    "MemoryLookupKeyValue": ("namespace", "key"),
    "Tracer": (VARIANT,),
    "AcmeProvider": ("directory",),
    "Certificate": (),  # by the names in it, which no one writes
    "MaskedEmail": (),
}
_FILTERS: dict[str, tuple[str, ...]] = {
    "Domain": ("name",),
    "Account": ("name", "domainId"),
    "DkimSignature": ("domainId",),
    "OAuthClient": ("clientId",),
    "SpamTag": ("tag",),
    "SpamFileExtension": ("extension",),
    "BlockedIp": ("address",),
    "AllowedIp": ("address",),
    "MemoryLookupKey": ("namespace",),
    "MemoryLookupKeyValue": ("namespace",),
    **dict.fromkeys(
        (
            "NetworkListener",
            "MtaRoute",
            "MtaConnectionStrategy",
            "MtaTlsStrategy",
            "MtaDeliverySchedule",
            "MtaVirtualQueue",
            "SieveSystemScript",
            "SieveUserScript",
            "SpamRule",
            "SpamDnsblServer",
            "ClusterRole",
        ),
        ("name",),
    ),
}
# "" is of every variant
_REQUIRED: dict[str, dict[str, tuple[str, ...]]] = {
    "Domain": {"": ("name",)},
    "Account": {"": ("name", "domainId")},
    "MailingList": {"": ("name", "domainId")},
    "Role": {"": ("description",)},
    "Tenant": {"": ("name",)},
    "OAuthClient": {"": ("clientId",)},
    "DkimSignature": {"": ("domainId", "selector", "privateKey")},
    "Directory": {"": ("description",), "Ldap": ("baseDn",), "Oidc": ("issuerUrl",)},
    "Certificate": {"": ("certificate", "privateKey")},
    "AcmeProvider": {"": ("contact",)},
    "NetworkListener": {"": ("name", "bind")},
    "BlockedIp": {"": ("address",)},
    "AllowedIp": {"": ("address",)},
    "MtaRoute": {"": ("name",), "Relay": ("address",)},
    "MtaConnectionStrategy": {"": ("name",)},
    "MtaTlsStrategy": {"": ("name",)},
    "MtaVirtualQueue": {"": ("name",)},
    "MtaDeliverySchedule": {"": ("name", "queueId")},
    "MtaInboundThrottle": {"": ("description", "rate")},
    "MtaOutboundThrottle": {"": ("description", "rate")},
    "MtaQueueQuota": {"": ("key",)},
    "MtaHook": {"": ("url",)},
    "MtaMilter": {"": ("hostname",)},
    "WebHook": {"": ("url",)},
    "Tracer": {"Log": ("path",), "OtelHttp": ("endpoint",)},
    "SieveSystemScript": {"": ("name", "contents")},
    "SieveUserScript": {"": ("name", "contents")},
    "MemoryLookupKey": {"": ("namespace", "key")},
    "MemoryLookupKeyValue": {"": ("namespace", "key", "value")},
    "HttpLookup": {"": ("namespace", "url")},
    "StoreLookup": {"": ("namespace", "store")},
    "SpamRule": {"": ("name",)},
    "SpamDnsblServer": {"": ("name",)},
    "SpamTag": {"": ("tag",)},
    "SpamFileExtension": {"": ("extension",)},
    "EventTracingLevel": {"": ("event",)},
    "ClusterRole": {"": ("name",)},
    "AiModel": {"": ("model", "name", "url")},
    "Alert": {"": ("condition",)},
    "Application": {"": ("description", "resourceUrl", "urlPrefix")},
    "DnsServer": {"": ("description",)},
    "ApiKey": {"": ("description",)},
    "AppPassword": {"": ("description",)},
}
# in which spelling texts are stored, where their format does not tell
_FORMATS = {
    ("x:Domain", "name"): "domain",
    ("x:Domain", "aliases"): "domain",
    ("x:UserAccount", "name"): "lower",
    ("x:GroupAccount", "name"): "lower",
    ("x:MailingList", "name"): "lower",
    ("x:EmailAlias", "name"): "lower",
    ("x:SpamFileExtension", "extension"): "lower",
    ("x:SpamTagScore", "tag"): "upper",
    ("x:SpamTagAction", "tag"): "upper",
    **{(f"x:Spam{kind}{of}", "name"): "upper" for kind in ("Rule", "DnsblServer") for of in ("Any", "Body", "Domain", "Email", "Header", "Ip", "Url")},
}
_AT_ONCE = frozenset(
    {
        *("Account", "Domain", "MailingList", "DkimSignature", "Role", "Tenant", "OAuthClient", "MaskedEmail", "ApiKey", "AppPassword", "AccountSettings"),
        *("AccountPassword", "PublicKey", "QueuedMessage", "Task", "Action", "SpamTrainingSample", "ArchivedItem"),
        *("DmarcExternalReport", "TlsExternalReport", "ArfExternalReport", "DmarcInternalReport", "TlsInternalReport"),
    }
)
_PARTS: dict[str, ReloadPart] = {
    "Certificate": "certificate",
    "BlockedIp": "blocked_ip",
    "MemoryLookupKey": "lookup",
    "MemoryLookupKeyValue": "lookup",
    "HttpLookup": "lookup",
    "StoreLookup": "lookup",
}
_RESTART = frozenset(
    {"NetworkListener", "DataStore", "BlobStore", "SearchStore", "InMemoryStore", "TracingStore", "MetricsStore", "Coordinator", "ClusterRole"}
)
_ELSEWHERE = {
    "Action": "an action is done once and leaves nothing behind; use the modules reload, queue, spam_classify_info, dmarc_info or webadmin",
    "Task": "a task is done once and then gone; use the modules store, spam_filter or dkim",
    "QueuedMessage": "messages come by SMTP; use the modules queue, queue_message and queue_info",
    "AccountPassword": "it is the own account's password, which can't be compared; use the module account_auth",
    "Bootstrap": "it is there only before a server's first start; set STALWART_RECOVERY_ADMIN and let the web page or the roles do it",
    "SpamTrainingSample": "it is made from a message; use the module spam_filter",
    "Log": "lines of the log are read by the module log_info",
    "Trace": "traces are read by the module telemetry_info",
    "Metric": "metrics are read by the module telemetry_info",
    "ClusterNode": "nodes of a cluster announce themselves and can only be read",
    "ArchivedItem": "what was deleted is given back by the module undelete",
    **dict.fromkeys(
        ("DmarcExternalReport", "TlsExternalReport", "ArfExternalReport", "DmarcInternalReport", "TlsInternalReport"),
        "reports are made by servers; use the modules report and report_info",
    ),
}
_OWNED = frozenset({"ApiKey", "AppPassword", "AccountSettings", "AccountPassword", "PublicKey", "MaskedEmail", "SpamTrainingSample"})
#: What is no configuration, though it is written: it belongs to people, or other modules manage it.
_NO_CONFIGURATION = _OWNED | frozenset({"Account", "Domain", "MailingList", "Role", "Tenant", "OAuthClient", "DkimSignature", *_ELSEWHERE})


class Catalogue:
    """The types of one schema."""

    def __init__(self, schema: t.Mapping[str, t.Any]) -> None:
        self._schema = schema
        self._types: dict[str, ObjectType] = {}
        self._shapes: dict[str, Shape] = {}

    @functools.cached_property
    def names(self) -> list[str]:
        """All types that are managed, sorted."""
        return sorted(name[len(_PREFIX) :] for name, about in self._schema["objects"].items() if name.startswith(_PREFIX) and about.get("type") != "view")

    def members(self, enum: str) -> list[str]:
        """The members of an enumeration, none where there is none of this name."""
        return [str(each["name"]) for each in self._schema["enums"].get(enum) or ()]

    def type(self, name: str) -> ObjectType | None:
        """The type of this name, without prefix; None where there is none."""
        if name not in self._types:
            about = self._schema["objects"].get(_PREFIX + name)
            if not about or about.get("type") == "view":
                return None
            self._types[name] = self._read_type(name, about)
        return self._types[name]

    def _read_type(self, name: str, about: t.Mapping[str, t.Any]) -> ObjectType:
        shape = self._shape(_PREFIX + name)
        label = _LABELS.get(name) or str((self._schema.get("lists", {}).get(_PREFIX + name) or {}).get("labelProperty") or "")
        singleton = about.get("type") == "singleton"
        return ObjectType(
            name=name,
            shape=shape,
            singleton=singleton,
            description=str(about.get("description", "")),
            paid=bool(about.get("enterprise")),
            label=label,
            natural_key=() if singleton else _NATURAL_KEYS.get(name, (label,) if label else ()),
            filters=_FILTERS.get(name, ()),
            required={variant: tuple(each for each in given if each in shape.all) for variant, given in _REQUIRED.get(name, {}).items()},
            reload="" if name in _AT_ONCE else _PARTS.get(name, "all"),
            restart=name in _RESTART,
            elsewhere=_ELSEWHERE.get(name, ""),
            configuration=name not in _NO_CONFIGURATION,
            owned=name in _OWNED,
        )

    def _shape(self, schema_name: str) -> Shape:
        if schema_name not in self._shapes:
            about = self._schema["schemas"].get(schema_name) or {}
            if about.get("type") == "multiple":
                variants = {each["name"]: self._properties(each.get("schemaName", "")) for each in about.get("variants", ())}
            else:
                variants = {"": self._properties(about.get("schemaName", schema_name))}
            self._shapes[schema_name] = Shape(variants)
        return self._shapes[schema_name]

    def _properties(self, fields_name: str) -> dict[str, Property]:
        fields = self._schema["fields"].get(fields_name) or {}
        defaults = fields.get("defaults") or {}
        return {
            name: self._property(name, about, defaults, _FORMATS.get((fields_name, name), ""))
            for name, about in sorted((fields.get("properties") or {}).items())
        }

    def _property(self, name: str, about: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any], text_format: str) -> Property:
        described = about.get("type") or {}
        value_type = self._value_type(described)
        if text_format and value_type.element:
            value_type = dataclasses.replace(value_type, element=dataclasses.replace(value_type.element, format=text_format))
        elif text_format:
            value_type = dataclasses.replace(value_type, format=text_format)

        def default() -> t.Any:
            return decode(defaults[name], value_type) if name in defaults else default_value(value_type)

        return Property(
            name=name,
            type=value_type,
            update=_UPDATES.get(str(about.get("update")), "mutable"),
            secret=described.get("format") in ("secret", "secretText"),
            hidden=name in _HIDDEN_MAPS,
            paid=bool(about.get("enterprise")),
            description=str(about.get("description", "")),
            default_of=default,
        )

    def _value_type(self, about: t.Mapping[str, t.Any]) -> ValueType:
        name, kind = str(about.get("type")), str(about.get("format", ""))
        common: dict[str, t.Any] = {
            "nullable": bool(about.get("nullable")),
            "minimum": about.get("min"),
            "maximum": about.get("max"),
            "max_length": about.get("maxLength"),
            "min_items": int(about.get("minItems") or 0),
        }
        target = str(about.get("objectName", ""))
        if name == "string":
            return ValueType("text", format=kind, **common)
        if name == "number":
            return ValueType("duration" if kind == "duration" else "size" if kind == "size" else "number", format=kind, **common)
        if name in ("object", "objectList"):
            if name == "object" and target in (_EXPRESSION, _RATE):
                return ValueType("expression" if target == _EXPRESSION else "rate", **common)
            return ValueType("object" if name == "object" else "list", shape_of=functools.partial(self._shape, target), **common)
        if name not in _PLAIN_KINDS:
            return ValueType("unknown", **common)
        return ValueType(
            _PLAIN_KINDS[name],
            members=tuple(each["name"] for each in self._schema["enums"].get(about.get("enumName"), ())) if name == "enum" else (),
            target=target.removeprefix(_PREFIX) if name == "objectId" else "",
            element=self._value_type(about.get("class") or about["valueClass"]) if name in ("set", "map") else None,
            key=self._value_type(about["keyClass"]) if name == "map" else None,
            **common,
        )


_lock = threading.Lock()
_catalogues: dict[str, Catalogue] = {}


def catalogue_of(caller: JmapCaller) -> Catalogue:
    """The types that a server knows. Two requests at most; what has the same name in the same process is read once."""
    name = caller.schema_name
    with _lock:
        if name not in _catalogues:
            _catalogues[name] = Catalogue(caller.schema())
        return _catalogues[name]
