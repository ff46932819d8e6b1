# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole server as the variables that our playbooks take."""

from __future__ import annotations

import json
import traceback
import typing as t

from .._errors import InvalidOption, LibraryMissing
from .._files import PRIVATE, present, write_private
from .._passwords import SecretKind, classify
from .._reconcile.plan import Change, Mode, Outcome
from .._reconcile.plan import apply as apply_changes
from .._secrets import HIDDEN, is_secret_key
from .._server.models.dns import Signature
from .._server.models.principal import Principal
from .._server.port import Server
from ._options import Options, one_or_more, read
from .objects.export import exported
from .settings.plan import KEPT, OWNED
from .settings.tree import Value, nested, settings_in

Part: t.TypeAlias = t.Literal["principals", "dkim", "settings"]

# variable of the bootstrap playbook -> the type of principal in it; all others go to mail_principals with their type
_VARIABLES = {
    "mail_domains": "domain",
    "mail_roles": "role",
    "mail_groups": "group",
    "mail_accounts": "individual",
    "mail_lists": "list",
    "mail_api_keys": "api_key",
}
_OTHERS = "mail_principals"
_OTHER_TYPES = ("tenant", "oauth_client", "resource", "location")

# `members` is left out: each membership is written once, at the member
_FIELDS = (
    "description",
    "quota",
    "emails",
    "urls",
    "picture",
    "locale",
    "member_of",
    "lists",
    "roles",
    "external_members",
    "enabled_permissions",
    "disabled_permissions",
    "tenant",
)
# What a creation would fill in by itself unless it is said.
_SAID_WHEN_EMPTY = {"individual": ("roles",), "group": ("enabled_permissions",)}


class _ExportOptions(Options):
    dest: str
    include: tuple[Part, ...] = t.get_args(Part)
    include_secrets: bool = False
    vault_id: str = ""


def manage(server: Server, options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Write the file when its content differs. Results: `dest`, `exported` (numbers by variable), `left_out` (settings keys that hold secrets)."""
    wanted = read(_ExportOptions, {**options, **({"include": one_or_more(options["include"])} if "include" in options else {})})
    if wanted.vault_id and mode.vault is None:
        raise InvalidOption("vault_id", "only the controller has the vault's passwords; run the task with a local connection, without async.")
    if not wanted.dest.endswith((".yml", ".yaml", ".json")):
        raise InvalidOption("dest", f"{wanted.dest!r} ends neither in .yml nor in .json, which say how it is to be written.")
    variables, left_out = _variables(server, wanted, mode)
    content = _text(variables, wanted.dest)
    old = present(wanted.dest, "dest")
    before = _readable(old[0], mode) if old else None
    results = {
        "dest": wanted.dest,
        "exported": {name: len(value) for name, value in variables.items()},
        "left_out": left_out,
    }
    unprotected = old is not None and wanted.include_secrets and old[1] != PRIVATE
    encryption_differs = old is not None and wanted.vault_id != _vault_id(old[0])
    if before == content and not unprotected and not encryption_differs:
        return Outcome(results)
    shown = "the file is encrypted or holds secrets" if wanted.include_secrets else ""

    def write() -> None:
        data = content
        if wanted.vault_id and mode.vault is not None:
            data = mode.vault.encrypt(content, wanted.vault_id)
        write_private(wanted.dest, data.encode())

    after = {"content": shown or content}
    change = Change("file", wanted.dest, "create" if old is None else "update", None if old is None else {"content": shown or before or HIDDEN}, after, write)
    apply_changes([change], mode)
    return Outcome(results, [change])


def _vault_id(data: bytes) -> str:
    """For whom a file is encrypted, from its first line (`$ANSIBLE_VAULT;1.2;AES256;ID`); empty for a plain file."""
    head = data.split(b"\n", 1)[0].decode("ascii", errors="replace").strip().split(";")
    return (head[3] if len(head) > 3 else "default") if head[0] == "$ANSIBLE_VAULT" else ""


def _readable(data: bytes, mode: Mode) -> str | None:
    text = data.decode("utf-8", errors="replace")
    if not text.startswith("$ANSIBLE_VAULT;"):
        return text
    return mode.vault.decrypt(text) if mode.vault is not None else None


def _text(variables: t.Mapping[str, t.Any], dest: str) -> str:
    if dest.endswith(".json"):
        return json.dumps(variables, indent=1, ensure_ascii=False) + "\n"
    head = "# Exported by stalwart.mail.export; stalwart.mail.bootstrap takes it.\n"
    return "---\n" + head + _yaml(variables)


class _Unsafe(str):
    """Text that Ansible must not take for a template."""

    __slots__ = ()


def _yaml(variables: t.Mapping[str, t.Any]) -> str:
    try:
        import yaml
    except ImportError:
        raise LibraryMissing("PyYAML", traceback.format_exc()) from None

    class Dumper(yaml.SafeDumper):
        pass

    # keys and scripts stay readable
    Dumper.add_representer(str, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None))
    Dumper.add_representer(_Unsafe, lambda dumper, value: dumper.represent_scalar("!unsafe", str(value)))
    return str(yaml.dump(_untemplated(variables), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=160))


def _untemplated(value: t.Any) -> t.Any:
    """Values as they are on the server: what looks like a template is marked as none."""
    if isinstance(value, dict):
        return {key: _untemplated(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_untemplated(each) for each in value]
    return _Unsafe(value) if isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value) else value


def _variables(server: Server, wanted: _ExportOptions, mode: Mode) -> tuple[dict[str, t.Any], list[str]]:
    variables: dict[str, t.Any] = {}
    left_out: list[str] = []
    if "principals" in wanted.include:
        fields = [*_FIELDS, *(["password_hashes"] if wanted.include_secrets else [])]
        found = list(server.principals.find(fields=fields))
        for variable, kind in _VARIABLES.items():
            variables[variable] = [_item(each, wanted, mode) for each in found if each.type == kind]
        variables[_OTHERS] = [{"type": each.type, **_item(each, wanted, mode)} for each in found if each.type in _OTHER_TYPES]
    if "dkim" in wanted.include:
        variables["mail_dkim_keys"] = [_key(each, wanted) for each in server.signatures.find()]
    if "settings" in wanted.include and server.generation == "jmap":
        variables["mail_settings"], variables["mail_objects"], left_out = exported(server, include_secrets=wanted.include_secrets)
    elif "settings" in wanted.include:
        variables["mail_settings"], left_out = _settings(server, wanted)
    if wanted.include_secrets and server.generation == "jmap":
        mode.warn("servers since 0.16 return neither passwords nor private keys, so the file holds no secrets but those of headers.")
    return variables, left_out


def _item(principal: Principal, wanted: _ExportOptions, mode: Mode) -> dict[str, t.Any]:
    item: dict[str, t.Any] = {"name": principal.name}
    for field in _FIELDS:
        value = getattr(principal, field)
        if isinstance(value, tuple):
            value = list(value) if field == "emails" else sorted(value)
        if value not in ("", None, []) or field in _SAID_WHEN_EMPTY.get(principal.type, ()):
            item[field] = value
    if wanted.include_secrets:
        item.update(_secrets(principal, mode))
    return item


def _secrets(principal: Principal, mode: Mode) -> dict[str, t.Any]:
    secrets: dict[str, t.Any] = {}
    if len(principal.password_hashes) > 1:
        mode.warn(f"{principal.name!r} has {len(principal.password_hashes)} passwords, which only servers up to 0.13 know; the first is exported.")
    if principal.password_hashes:
        secrets.update(_password(principal.password_hashes[0]))
    if principal.app_passwords:
        secrets["app_passwords"] = [{"name": name, **_password(stored)} for name, stored in sorted(principal.app_passwords.items())]
    if principal.otp_url:
        secrets["otp_url"] = principal.otp_url
    return secrets


def _password(stored: str) -> dict[str, str]:
    return {"password" if classify(stored) is SecretKind.PLAIN else "password_hash": stored}


def _key(signature: Signature, wanted: _ExportOptions) -> dict[str, str]:
    key = {"domain": signature.domain, "id": signature.id, "algorithm": signature.algorithm, "selector": signature.selector}
    return {**key, "private_key": signature.private_key} if wanted.include_secrets and signature.private_key else key


def _settings(server: Server, wanted: _ExportOptions) -> tuple[dict[str, t.Any], list[str]]:
    """The settings that somebody made: neither the server's own, nor those of other modules, nor those of its local file."""
    found = server.settings.read(prefixes=[""])
    local = server.settings.local_key_patterns()
    fresh = settings_in(server.settings.fresh())
    chosen: dict[str, Value] = {}
    left_out = []
    for key, value in settings_in(found).items():
        if fresh.get(key) == value or key in KEPT or _is_owned(key) or server.settings.is_local(key, local):
            continue
        if is_secret_key(key) and not wanted.include_secrets:
            left_out.append(key)
            continue
        chosen[key] = value
    keys = {key: text for key, text in found.items() if any(key == root or key.startswith(f"{root}.") for root in _roots(key, chosen))}
    return nested(keys), sorted(left_out)


def _roots(key: str, chosen: t.Mapping[str, Value]) -> t.Iterator[str]:
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        root = ".".join(parts[:length])
        if root in chosen and (length == len(parts) or isinstance(chosen[root], list)):
            yield root


def _is_owned(key: str) -> bool:
    return any(key == owned or key.startswith(f"{owned}.") for owned in OWNED)
