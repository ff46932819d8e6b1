# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail domains as people write them down, each with all that belongs to it, taken apart into what the modules take."""

from __future__ import annotations

import typing as t

from .._deps import Field
from .._errors import InvalidOption
from .._names import canonical_address, domain_of
from .._server.models.dns import Algorithm
from ._options import Domain, ListEdit, Name, Options, Text, list_edit, one_or_more, read

#: The addresses that every domain must have (RFC 2142, RFC 5321 4.5.1), by the key that says who gets their mail.
ROLES = ("postmaster", "abuse")

#: What may be said of a domain's DNS: the variables of the role dns without their prefix, and whether there is anything to do.
DNS_KEYS = frozenset(
    "publish zones records include exclude replace mx srv_ports caa tlsa spf_mechanisms dmarc_policy dmarc_pct ttl manifest purge purge_names "
    "on_conflict take_over resolvers nameservers verify verify_timeout directory".split()
)

Values = dict[str, t.Any]


class _Key(Options):
    algorithm: Algorithm | None = None
    selector: Text | None = None
    private_key: t.Annotated[str | None, Field(repr=False)] = None


class _Dkim(Options):
    enabled: bool = True
    algorithm: tuple[Algorithm, ...] = ()
    keys: tuple[_Key, ...] = ()
    take_over: bool = False


class _Domain(Options):
    name: Domain
    description: Text | None = None
    tenant: Name | None = None
    postmaster: Name | None = None
    abuse: Name | None = None
    accounts: tuple[Values, ...] = ()
    groups: tuple[Values, ...] = ()
    lists: tuple[Values, ...] = ()
    dkim: Values = {}
    dns: Values = {}
    cutover: bool | None = None


class DomainPlan(t.NamedTuple):
    """What makes some domains complete.

    `principals` are items of the module principals; `outside` the names among them that must be there already. `dkim` are options of the
    module dkim. `dns` are domains that are published alike: `domains`, `options` by DNS_KEYS, `cutover`. `recipients` are the addresses
    that the server must take before mail is led to it.
    """

    principals: list[Values]
    outside: list[str]
    dkim: list[Values]
    dns: list[Values]
    recipients: list[str]


def domain_plan(domains: t.Any, *, dkim: Values | None = None, dns: Values | None = None, cutover: bool = False) -> DomainPlan:
    """Take domains apart. `dkim`, `dns` and `cutover` hold for each domain that says nothing else. Raises InvalidOption."""
    wanted = _read(domains)
    principals = [{"type": "domain", **{key: getattr(each, key) for key in ("name", "description", "tenant") if each.given(key)}} for each in wanted]
    people = [_with_address(item, kind, domain, place) for domain, place in _placed(wanted) for kind, item in _members(domain, place)]
    known = _People(people)
    for domain, place in _placed(wanted):
        known.add_roles(domain, place)
    led_here = [each for each in wanted if (cutover if each.cutover is None else each.cutover)]
    return DomainPlan(
        principals=[*principals, *people, *known.outside.values()],
        outside=sorted(known.outside),
        dkim=_dkim(wanted, dkim or {}),
        dns=_dns(wanted, dns or {}, {each.name for each in led_here}),
        recipients=[f"{role}@{each.name}" for each in led_here for role in ROLES],
    )


def _read(domains: t.Any) -> list[_Domain]:
    if not isinstance(domains, list) or not domains:
        raise InvalidOption("domain_list", "it is empty; give at least one domain with its name.")
    found: list[_Domain] = []
    names: set[str] = set()
    for position, values in enumerate(domains):
        name = f" ({values['name']})" if isinstance(values, dict) and isinstance(values.get("name"), str) else ""
        place = f"domain_list[{position}]{name}"
        if not isinstance(values, dict):
            raise InvalidOption(place, "it is no dictionary; give a domain with its name.")
        try:
            each = read(_Domain, values)
        except InvalidOption as error:
            raise InvalidOption(f"{place}.{error.option}", error.problem) from None
        if each.name in names:
            raise InvalidOption(f"{place}.name", f"{each.name!r} is there twice; merge the two.")
        names.add(each.name)
        found.append(each)
    return found


def _placed(wanted: t.Sequence[_Domain]) -> t.Iterator[tuple[_Domain, str]]:
    for position, domain in enumerate(wanted):
        yield domain, f"domain_list[{position}] ({domain.name})"


# -- accounts, groups and lists ---------------------------------------------------------------------------------------


def _members(domain: _Domain, place: str) -> t.Iterator[tuple[str, Values]]:
    for key, kind in (("groups", "group"), ("accounts", "individual"), ("lists", "list")):
        for position, item in enumerate(getattr(domain, key)):
            if not isinstance(item.get("name"), str) or not item["name"].strip():
                raise InvalidOption(f"{place}.{key}[{position}].name", "it is missing; give it a value.")
            if item.get("type") not in (None, kind):
                raise InvalidOption(f"{place}.{key}[{position}].type", f"what stands in {key} is of the type {kind}; leave it out.")
            yield kind, item


def _with_address(item: Values, kind: str, domain: _Domain, place: str) -> Values:
    """Without addresses of its own it is reached by its name."""
    found = {key: value for key, value in item.items() if value is not None} | {"type": kind}
    if found.get("state") != "absent" and "emails" not in found:
        name = str(found["name"]).strip()
        found["emails"] = [name if "@" in name else f"{name}@{domain.name}"]
    if domain.tenant and "tenant" not in found:
        found["tenant"] = domain.tenant
    return found


def _addresses(item: Values) -> list[str]:
    """Those that an item is to have, as they compare; what is none is left for the module to refuse."""
    try:
        edit = ListEdit[str].model_validate(list_edit(item.get("emails", [])))
    except ValueError:
        return []
    found = []
    for address in edit.add if edit.exact is None else edit.exact:
        try:
            found.append(canonical_address(address, catch_all=True))
        except ValueError:
            continue
    return found


class _People:
    """Who has or gets which address. Those `outside` must be on the server already."""

    def __init__(self, items: t.Iterable[Values]) -> None:
        self.outside: dict[str, Values] = {}
        present = [item for item in items if item.get("state") != "absent"]
        self._by_name = {str(item["name"]).strip().lower(): item for item in present}
        self._owners = {address: item for item in present for address in _addresses(item)}

    def add_roles(self, domain: _Domain, place: str) -> None:
        """Let each address that a domain must have lead to somebody. Raises InvalidOption."""
        missing = []
        for role in ROLES:
            address, stated = f"{role}@{domain.name}", getattr(domain, role)
            owner = self._owners.get(address)
            if owner is not None:
                if stated and owner is not self._find(stated):
                    raise InvalidOption(f"{place}.{role}", f"it is {stated!r}, but {owner['name']!r} has the address {address}; remove one of the two.")
                continue
            postmaster = self._owners.get(f"postmaster@{domain.name}")
            target = stated or domain.postmaster or (postmaster["name"] if postmaster else None)
            if target is not None:
                self._give(address, target, f"{place}.{role if stated else 'postmaster'}")
            elif f"@{domain.name}" not in self._owners:  # what takes all other mail of the domain takes this, too
                missing.append(address)
        if missing:
            raise InvalidOption(
                f"{place}.postmaster",
                f"it is missing, and complaints and reports about the domain go to {' and '.join(missing)}; name the account, group or list that gets them.",
            )

    def _find(self, target: str) -> Values | None:
        return self._by_name.get(target.lower()) or self._owners.get(target.lower())

    def _give(self, address: str, target: str, option: str) -> None:
        item = self._find(target)
        if item is None:
            if "@" in target and domain_of(target) == domain_of(address):
                raise InvalidOption(option, f"nobody of domain_list has the address {target}; give the name of an account, group or list.")
            item = self.outside[target] = {"name": target, "emails": {"add": []}}
            self._by_name[target.lower()] = item
        emails = item.get("emails", [])
        if isinstance(emails, dict):
            item["emails"] = {**emails, "add": [*one_or_more(emails.get("add") or []), address]}
        else:
            item["emails"] = [*one_or_more(emails), address]
        self._owners[address] = item


# -- keys and records -------------------------------------------------------------------------------------------------


def _dkim(wanted: t.Sequence[_Domain], defaults: Values) -> list[Values]:
    """Domains with keys of the server's making together, keys that are given one by one."""
    alike: dict[tuple[tuple[Algorithm, ...], bool], list[str]] = {}
    single: list[Values] = []
    for domain, place in _placed(wanted):
        own = {**defaults, **domain.dkim}
        lists = {key: one_or_more(own[key]) for key in ("algorithm",) if own.get(key) is not None}
        options = read(_Dkim, {**own, **lists}, within=f"{place}.dkim")
        if options.keys and options.algorithm:
            raise InvalidOption(f"{place}.dkim.algorithm", "keys say which keys there are; give the algorithm of each of them instead.")
        if not options.enabled:
            continue
        if not options.keys:
            alike.setdefault((options.algorithm, options.take_over), []).append(domain.name)
        taken: Values = {"take_over": True} if options.take_over else {}
        for position, key in enumerate(options.keys):
            if key.algorithm is None and key.private_key is None:
                raise InvalidOption(f"{place}.dkim.keys[{position}].algorithm", "it is missing; give rsa or ed25519, or a private_key.")
            single.append(
                {"domain": [domain.name], **taken, **{name: getattr(key, name) for name in ("algorithm", "selector", "private_key") if key.given(name)}}
            )
    return [
        {"domain": names, **({"algorithm": list(algorithms)} if algorithms else {}), **({"take_over": True} if take_over else {})}
        for (algorithms, take_over), names in alike.items()
    ] + single


def _dns(wanted: t.Sequence[_Domain], defaults: Values, led_here: t.Collection[str]) -> list[Values]:
    """Groups of domains with the same options, each published by one run of the role dns."""
    groups: list[Values] = []
    for domain, place in _placed(wanted):
        for option in sorted({*defaults, *domain.dns} - DNS_KEYS):
            where = "domain_dns" if option in defaults else f"{place}.dns"
            raise InvalidOption(f"{where}.{option}", "there is no such option here; remove it or correct its spelling.")
        options = {key: value for key, value in {**defaults, **domain.dns}.items() if value is not None}
        if not options.pop("publish", True):
            if domain.name in led_here:
                raise InvalidOption(f"{place}.cutover", "its MX record would have to be published, and dns.publish is false; correct one of the two.")
            continue
        cutover = domain.name in led_here
        group = next((group for group in groups if group["options"] == options and group["cutover"] == cutover), None)
        if group is None:
            _require_own_manifest(options, groups, place)
            group = {"domains": [], "options": options, "cutover": cutover}
            groups.append(group)
        group["domains"].append(domain.name)
    return groups


def _require_own_manifest(options: Values, groups: t.Sequence[Values], place: str) -> None:
    """A manifest tells what one run published; the next one would take what it does not want itself for superfluous."""
    manifest = options.get("manifest")
    for other in groups:
        if manifest and other["options"].get("manifest") == manifest and (options.get("purge") or other["options"].get("purge")):
            raise InvalidOption(
                f"{place}.dns.manifest",
                f"{', '.join(other['domains'][:3])} have other options of DNS and the same manifest, and purge would remove the records of each other; "
                "give each its own manifest.",
            )
