# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record sets published: read from each provider of each zone, compared, and changed in one request a zone and provider."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
import typing as t

from .._deps import BeforeValidator
from .._dns import connect
from .._dns.ask import Questions
from .._dns.port import Provider
from .._errors import InvalidOption, NotApplied, PartlyDone, Refused, StalwartError
from .._reconcile.plan import Change, Mode, Outcome
from ._dns_options import Choice, DnsName, DnsNames, Overrides, Words, in_zones, purposes
from ._dns_plan import Conflict, Key, Plan, Rules, Step, plan
from ._options import Options, one_or_more, read
from ._waiting import wait_until
from .dns_records import Record, RecordSet, absolute_name, as_result, is_spf, is_within, zone_of

#: Seconds until a server that said yes must have the change.
_LONGEST_UPDATE = 10.0


class _ProviderOptions(Options):
    type: str
    server: str = ""
    port: int = 53
    key_name: str = ""
    key_secret: str = ""
    key_algorithm: str = connect.KEY_ALGORITHMS[0]
    url: str = ""
    api_key: str = ""
    server_id: str = "localhost"
    validate_certs: bool = True
    ca_path: str = ""
    allow_http: bool = False

    def adapter(self, place: str, *, timeout: float, use_proxy: bool) -> Provider:
        """Raises InvalidOption that names the place."""
        if self.type not in connect.ALLOWED:
            raise InvalidOption(f"{place}.type", f"{self.type!r} is no type of provider; give one of {', '.join(connect.ALLOWED)}.")
        # Ansible fills in the defaults of the other types' options
        defaults = _ProviderOptions(type=self.type)
        given = {option: getattr(self, option) for option in self.model_fields_set if getattr(self, option) != getattr(defaults, option)}
        for option in connect.REQUIRED[self.type]:
            if not given.get(option):
                raise InvalidOption(f"{place}.{option}", f"it is missing, which a provider of type {self.type} needs; give it a value.")
        for option in sorted(given):
            if option not in connect.ALLOWED[self.type]:
                raise InvalidOption(f"{place}.{option}", f"a provider of type {self.type} has no such option; remove it or correct type.")
        if not 0 < self.port < 65536:
            raise InvalidOption(f"{place}.port", f"{self.port} is no port; give one from 1 to 65535.")
        try:
            return connect.provider(self.type, given, timeout=timeout, use_proxy=use_proxy)
        except InvalidOption as error:
            raise InvalidOption(f"{place}.{error.option}", error.problem) from None


class _ZoneOptions(Options):
    zone: DnsName
    providers: t.Annotated[tuple[_ProviderOptions, ...], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)] = ()


class _PublishOptions(Choice, Overrides):
    zones: t.Annotated[tuple[_ZoneOptions, ...], BeforeValidator(lambda value: [value] if isinstance(value, dict) else value)] = ()
    replace: Words = ()
    dmarc_policy: str = ""
    dmarc_pct: int | None = None
    manifest: str = ""
    purge: bool = False
    purge_names: DnsNames = ()
    resolvers: t.Annotated[tuple[str, ...], BeforeValidator(one_or_more)] = ()
    on_conflict: str = "report"
    take_over: bool = False
    timeout: float = 30.0
    use_proxy: bool = True


@dataclasses.dataclass(frozen=True)
class _Place:
    """One zone at one provider, with what is to be done there."""

    zone: str
    provider: Provider
    wanted: tuple[RecordSet, ...]
    rules: Rules
    plan: Plan

    def changes(self) -> list[Change]:
        return [self._change(step) for step in self.plan.steps]

    def apply(self) -> None:
        """One request, after which the server must have what it said yes to. Raises NotApplied when it does not."""
        self.provider.write(self.zone, [step.update for step in self.plan.steps])
        left: list[Step] = []

        def is_done() -> bool:
            names = {step.update.fqdn for step in self.plan.steps} | {found.fqdn for found in self.wanted}
            left[:] = plan(self.zone, self.wanted, self.provider.read(self.zone, names), self.rules).steps
            return not left

        if not wait_until(is_done, _LONGEST_UPDATE):
            names = ", ".join(sorted(f"{step.update.fqdn.rstrip('.')} {step.update.type}" for step in left))
            raise NotApplied(
                f"{self.provider.label} said yes to the changes of the zone {self.zone.rstrip('.')}, and still does not have them: {names}; "
                "does something else write the zone, or is this another view of it?"
            )

    def _change(self, step: Step) -> Change:
        update = step.update
        before: dict[str, t.Any] = {"records": list(step.before)}
        after: dict[str, t.Any] = {"records": list(step.after)}
        if before == after:
            before, after = {}, {}
        if update.found is None or update.found.ttl != update.ttl:
            before, after = {**before, "ttl": update.found.ttl if update.found else None}, {**after, "ttl": update.ttl}
        action = "create" if update.found is None else "update" if update.rdata else "delete"
        name = f"{update.fqdn.rstrip('.')} {update.type} at {self.provider.label}"
        return Change("record set", name, action, before if update.found else None, after if update.rdata else None, lambda: None)


def publish(options: t.Mapping[str, t.Any], mode: Mode) -> Outcome:
    """Publish record sets. Results: `record_sets` as they are published now, and `conflicts` with what others own."""
    wanted = read(_PublishOptions, options)
    replace = _check(wanted)
    records = [record for record in wanted.apply(wanted.records()) if wanted.is_chosen(record)]
    # left out: those that the records came with, published by somebody else
    zones = tuple(zone.zone for zone in wanted.zones) or tuple(sorted({absolute_name(record.zone) for record in records}))
    sets = in_zones(records, zones, "record_sets")
    if not wanted.take_over:
        _require_unmanaged([record for record in wanted.records() if wanted.is_chosen(record)], wanted.zones)
    manifest = _Manifest(wanted.manifest)
    adapters = [
        [
            provider.adapter(f"zones[{number}].providers[{position}]", timeout=wanted.timeout, use_proxy=wanted.use_proxy)
            for position, provider in enumerate(zone.providers)
        ]
        for number, zone in enumerate(wanted.zones)
    ] or [[] for _zone in zones]
    rules = Rules(
        replace=replace,
        dmarc_policy=wanted.dmarc_policy,
        dmarc_pct=wanted.dmarc_pct,
        purge=wanted.purge,
        is_chosen=wanted.is_chosen,
        policy_of=_policies(Questions(wanted.resolvers, timeout=min(wanted.timeout, 3.0))),
    )
    places: list[_Place] = []
    #: of zones without a provider, which somebody else publishes: as they would be in an empty zone
    elsewhere: list[RecordSet] = []
    for zone, providers in zip(zones, adapters, strict=True):
        members = tuple(found for found in sets if absolute_name(found.zone) == zone)
        own_rules = dataclasses.replace(rules, owned=manifest.owned(zone), purge_names=frozenset(_of_zone(wanted.purge_names, zone, zones)))
        if members or own_rules.purge_names or (wanted.purge and own_rules.owned):
            places += [_place(zone, provider, members, own_rules) for provider in providers]
            if not providers:
                elsewhere += plan(zone, members, (), rules).published
    conflicts = [(place, conflict) for place in places for conflict in place.plan.conflicts]
    _tell(conflicts, wanted.on_conflict, mode)
    _tell_of_policy(places, mode)
    changes = [change for place in places for change in place.changes()]
    manifest.record(places)
    if manifest.is_changed:
        changes.append(Change("manifest", wanted.manifest, manifest.action, *manifest.states(), manifest.write))
    if not mode.check:
        _apply(places, manifest, changes)
    return Outcome(
        {
            "record_sets": [as_result(found) for found in (*_published(places), *elsewhere)],
            "conflicts": [_conflict_result(place, conflict) for place, conflict in conflicts],
        },
        changes,
    )


def _check(wanted: _PublishOptions) -> frozenset[str]:
    """What can be known to be wrong before anything is asked; the purposes that may be replaced."""
    wanted.check_choice()
    wanted.check()
    if wanted.given("zones") and not wanted.zones:
        raise InvalidOption("zones", "it is empty; give at least one zone, or leave the option out to change nothing anywhere.")
    names = [zone.zone for zone in wanted.zones]
    for number, zone in enumerate(wanted.zones):
        if zone.zone in names[:number]:
            raise InvalidOption(f"zones[{number}].zone", f"{zone.zone.rstrip('.')} is there twice; give all its providers in one place.")
    if wanted.dmarc_pct is not None and not 0 <= wanted.dmarc_pct <= 100:
        raise InvalidOption("dmarc_pct", f"{wanted.dmarc_pct} is no percentage; give a number from 0 to 100.")
    if wanted.purge and not wanted.manifest:
        raise InvalidOption("purge", "without a manifest nobody knows which records are ours; set manifest, or name what shall go by purge_names.")
    for number, name in enumerate(wanted.purge_names):
        if name in names:
            raise InvalidOption(f"purge_names[{number}]", f"{name.rstrip('.')} is a zone, whose own name is never purged; remove it.")
        if not any(is_within(name, zone) for zone in names):
            raise InvalidOption(f"purge_names[{number}]", f"none of the zones holds {name.rstrip('.')}; add the zone that does, or remove the name.")
    return purposes(wanted.replace, "replace")


def _require_unmanaged(records: t.Sequence[Record], zones: t.Sequence[_ZoneOptions]) -> None:
    """Raise Refused where we would publish what the mail server publishes too."""
    published = {zone.zone for zone in zones if zone.providers}
    names = [zone.zone for zone in zones]
    managed = sorted({record.managed_domain for record in records if record.managed_domain and zone_of(record.fqdn, names) in published})
    if managed:
        raise Refused(
            f"take_over: the mail server publishes the records of {', '.join(managed)} at a DNS provider by itself; leave them to it, or end that "
            "(stalwart.mail.object with type: Domain and dnsManagement: {'@type': Manual}) and read them again. With take_over: true "
            "they are published beside it."
        )


def _of_zone(names: t.Iterable[str], zone: str, zones: t.Sequence[str]) -> list[str]:
    return [name for name in names if is_within(name, zone) and not any(is_within(name, other) and len(other) > len(zone) for other in zones)]


def _place(zone: str, provider: Provider, wanted: tuple[RecordSet, ...], rules: Rules) -> _Place:
    names = {found.fqdn for found in wanted} | {name for name, _kind in rules.owned} | rules.purge_names
    found = provider.read(zone, names)
    try:
        return _Place(zone, provider, wanted, rules, plan(zone, wanted, found, rules))
    except ValueError as error:
        raise Refused(str(error)) from None


def _policies(questions: Questions) -> t.Callable[[str], str | None]:
    known: dict[str, str | None] = {}

    def policy_of(domain: str) -> str | None:
        if domain not in known:
            texts = questions.texts(domain)
            known[domain] = None if texts is None else next((text for text in texts if is_spf(text)), "")
        return known[domain]

    return policy_of


def _apply(places: t.Sequence[_Place], manifest: _Manifest, changes: t.Sequence[Change]) -> None:
    done: list[dict[str, t.Any]] = []
    operations = [change.operation() for change in changes]
    try:
        for place in places:
            if place.plan.steps:
                place.apply()
                done += [change.operation() for change in place.changes()]
        if manifest.is_changed:
            manifest.write()
    except StalwartError as error:
        if not done and not isinstance(error, NotApplied):
            raise
        left = operations[len(done) :]
        raise PartlyDone(
            f"{error}; {len(done)} of {len(operations)} changes were made before, {len(left)} were not; running the task again goes on from there", done, left
        ) from error


def _tell(conflicts: t.Sequence[tuple[_Place, Conflict]], on_conflict: str, mode: Mode) -> None:
    sentences = [
        f"{conflict.fqdn.rstrip('.')} {conflict.type} at {place.provider.label} is not as the mail server wants it: {conflict.reason}; "
        f"it is left alone unless replace holds {conflict.purpose}"
        for place, conflict in conflicts
    ]
    if sentences and on_conflict == "fail":
        raise Refused("; ".join(sentences) + ". Nothing was changed.", conflicts=[_conflict_result(place, conflict) for place, conflict in conflicts])
    for sentence in sentences:
        mode.warn(f"{sentence}.")


def _tell_of_policy(places: t.Sequence[_Place], mode: Mode) -> None:
    """Senders read a policy of MTA-STS again only when its id changes, and the policy lists the MX."""
    for place in places:
        moved = any(step.update.type == "MX" and step.update.found is not None for step in place.plan.steps)
        ids = [found for found in place.wanted if found.type == "TXT" and "mta_sts" in found.purposes]
        stays = [found for found in ids if (found.fqdn, "TXT") not in {(step.update.fqdn, step.update.type) for step in place.plan.steps}]
        if moved and stays:
            mode.warn(
                f"the MX of {place.zone.rstrip('.')} changes, and the id of its MTA-STS policy does not: when the policy names the new hosts, "
                "read the records of the mail server again and publish them, so that senders notice."
            )


def _published(places: t.Sequence[_Place]) -> list[RecordSet]:
    """As they are after the task; where views differ, as at the first provider of the zone."""
    zones: dict[str, _Place] = {}
    for place in places:
        zones.setdefault(place.zone, place)
    return [found for place in zones.values() for found in place.plan.published]


def _conflict_result(place: _Place, conflict: Conflict) -> dict[str, t.Any]:
    return {"zone": place.zone.rstrip(".") or ".", "provider": place.provider.label, **dataclasses.asdict(conflict)} | {
        "found": list(conflict.found),
        "wanted": list(conflict.wanted),
    }


class _Manifest:
    """A file that remembers what was published: zone → `NAME TYPE` → contents. Without a path it remembers nothing."""

    def __init__(self, path: str) -> None:
        """Raises InvalidOption for a file that is no manifest."""
        self._path = os.path.expanduser(path)
        self._exists = bool(path) and os.path.exists(self._path)
        self._before: dict[str, dict[str, list[str]]] = {}
        if self._exists:
            try:
                with open(self._path, encoding="utf-8") as file:
                    data = json.load(file)
                self._before = {
                    str(zone): {str(key): [str(value) for value in contents] for key, contents in keys.items()} for zone, keys in data["zones"].items()
                }
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                words = error.strerror if isinstance(error, OSError) else "it is no manifest of this module"
                raise InvalidOption("manifest", f"{path!r} can't be used ({words}); give another path, or remove the file.") from None
        self._after = self._before

    def owned(self, zone: str) -> dict[Key, frozenset[str]]:
        """What was published by us in a zone."""
        found = {}
        for key, contents in self._before.get(zone, {}).items():
            name, _blank, kind = key.partition(" ")
            found[name, kind] = frozenset(contents)
        return found

    def record(self, places: t.Sequence[_Place]) -> None:
        """Note what the places will hold."""
        if not self._path:
            return
        after = {zone: dict(keys) for zone, keys in self._before.items()}
        for zone in dict.fromkeys(place.zone for place in places):
            own: dict[Key, set[str]] = {}
            for place in places:
                if place.zone == zone:
                    for key, contents in place.plan.own.items():
                        own.setdefault(key, set()).update(contents)
            after[zone] = {f"{name} {kind}": sorted(contents) for (name, kind), contents in sorted(own.items()) if contents}
        self._after = {zone: keys for zone, keys in sorted(after.items()) if keys}

    @property
    def is_changed(self) -> bool:
        return bool(self._path) and (self._after != self._before or not self._exists)

    @property
    def action(self) -> str:
        return "update" if self._exists else "create"

    def states(self) -> tuple[dict[str, t.Any] | None, dict[str, t.Any]]:
        """What differs, by zone."""
        zones = sorted(zone for zone in {*self._before, *self._after} if self._before.get(zone) != self._after.get(zone))
        return (
            {zone: self._before.get(zone) for zone in zones} if self._exists else None,
            {zone: self._after.get(zone) for zone in zones},
        )

    def write(self) -> None:
        """Raises InvalidOption where the file can't be written."""
        folder = os.path.dirname(self._path) or "."
        try:
            with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".manifest", delete=False) as file:
                json.dump({"zones": self._after}, file, indent=2, ensure_ascii=False)
                file.write("\n")
            os.chmod(file.name, 0o644)
            os.replace(file.name, self._path)
        except OSError as error:
            raise InvalidOption("manifest", f"{self._path!r} can't be written ({error.strerror}); give a path in a folder that is there.") from None
