"""Tasks: made by clients or by the server, done in the background; what is done is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..dkim_keys import make_private_key
from . import ids
from .calls import MethodCall, MethodError
from .objects import NOT_FOUND, Changes, compare, conditions, got, page, shown, unsupported, wanted_ids
from .patch import Patcher, PatchError, check, format_time, parse_time, split_pointer
from .store import SetError, object_id

if TYPE_CHECKING:
    from .service import Service

_INTERNAL = frozenset(
    "CalendarAlarmEmail CalendarAlarmNotification CalendarItipMessage MergeThreads DmarcReport TlsReport RestoreArchivedItem DestroyAccount".split()
)
_LATER = 10**12
_FIRST_DELAY = 60


class Failed(Exception):
    """A task did not work out; ``again`` where it is tried later."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


class Tasks:
    """All tasks that are not done. ``run`` does one; it raises Failed."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.waiting: dict[int, dict[str, Any]] = {}

    def add(self, kind: str, **values: Any) -> int:
        """A task of the server's own, to be done now."""
        value = {**self._service.schema.new("Task", kind), **values}
        return self.put(_stamped(value, self._service.server.now()))

    def put(self, value: dict[str, Any]) -> int:
        number = self._service.store.new_time_id()
        self.waiting[number] = value
        self._begin(number)
        return number

    def due(self, number: int) -> float:
        status = self.waiting[number]["status"]
        return parse_time(status["due"]) if status["@type"] != "Failed" else _LATER

    def _begin(self, number: int) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # while the server is made; nothing is due then
            return
        self._service.server.spawn(self._run(number))

    async def _run(self, number: int) -> None:
        while number in self.waiting:
            value = self.waiting[number]
            if value["status"]["@type"] == "Failed":
                return
            wait = self.due(number) - self._service.server.now()
            if wait > 0:
                await asyncio.sleep(min(wait, 1.0))
                continue
            await asyncio.sleep(0)
            try:
                work(self._service, value)
            except Failed as failure:
                self._fail(number, value, failure)
            else:
                self.waiting.pop(number, None)

    def _fail(self, number: int, value: dict[str, Any], failure: Failed) -> None:
        now, old = self._service.server.now(), value["status"]
        attempt = old.get("attemptNumber", 0) + 1
        status = {"@type": "Failed", "createdAt": old["createdAt"], "failedAt": format_time(now), "failedAttemptNumber": attempt, "failureReason": str(failure)}
        if failure.again:
            due = format_time(now + _FIRST_DELAY * 2 ** (attempt - 1))
            status = {"@type": "Retry", "createdAt": old["createdAt"], "due": due, "attemptNumber": attempt, "failureReason": str(failure)}
        self.waiting[number] = {**value, "status": status}


def _stamped(value: dict[str, Any], now: float) -> dict[str, Any]:
    status = value["status"]
    times = {name: format_time(now) for name in ("createdAt", "due", "failedAt") if name in status and not status[name]}
    return {**value, "status": {**status, **times}}


# --- what tasks do -----------------------------------------------------------


def work(service: Service, task: dict[str, Any]) -> None:
    """Raises Failed."""
    handler = _WORK.get(task["@type"])
    if handler is not None:
        handler(service, task)


def _destroy_account(service: Service, task: dict[str, Any]) -> None:
    service.server.mail.destroy(ids.decode(task["accountId"]) or 0, "individual")


def _maintain_account(service: Service, task: dict[str, Any]) -> None:
    account, mail = ids.decode(task["accountId"]) or 0, service.server.mail
    match task["maintenanceType"]:
        case "purge":
            mail.purge(account)
        case "recalculateQuota":
            mail.recalculate_quota(account)
        case "recalculateImapUid":
            mail.reset_uids(account)


def _maintain_store(service: Service, task: dict[str, Any]) -> None:
    mail, accounts = service.server.mail, service.store.all("Account")
    match task["maintenanceType"]:
        case "purgeBlob":
            mail.purge_blobs()
        case "purgeAccounts":
            for account in accounts:
                mail.purge(account)
        case "resetUserQuotas":
            for account in accounts:
                mail.recalculate_quota(account)


def _maintain_filter(service: Service, task: dict[str, Any]) -> None:
    trainer = service.server.mail.trainer
    samples = len(service.store.all("SpamTrainingSample"))
    match task["maintenanceType"]:
        case "train" | "retrain":
            trainer.learned = samples
        case "reset":
            trainer.learned = 0
        case "updateRules":
            address = service.running["SpamSettings"].get("spamFilterRulesUrl") or ""
            raise Failed(f"Failed to fetch {address}: error sending request for url ({address})", again=True)


def _manage_keys(service: Service, task: dict[str, Any]) -> None:
    """Keys for the algorithms that a domain with automatic keys has none in force for."""
    store, number = service.store, ids.decode(task["domainId"]) or 0
    domain = store.get("Domain", number)
    if domain is None:
        raise Failed("Domain not found", again=False)
    management = domain["dkimManagement"]
    if management["@type"] != "Automatic":
        raise Failed("Domain is not set to automatic DKIM management", again=False)
    signatures = [store.get("DkimSignature", found) or {} for found in store.search("DkimSignature", "domainId", task["domainId"])]
    present = {signature["@type"] for signature in signatures if signature["stage"] == "active"}
    now = service.server.now()
    for kind in management["algorithms"]:
        if kind in present:
            continue
        algorithm = "rsa" if "Rsa" in kind else "ed25519"
        version = sum(signature["@type"] == kind for signature in signatures) + 1
        selector = management["selectorTemplate"].replace("{version}", str(version)).replace("{algorithm}", algorithm)
        selector = selector.replace("{date-%Y%m%d}", format_time(now)[:10].replace("-", ""))
        key = {"@type": "Text", "secret": make_private_key("Rsa" if "Rsa" in kind else "Ed25519")}
        value = {**service.schema.new("DkimSignature", kind), "domainId": task["domainId"], "selector": selector, "privateKey": key}
        store.put("DkimSignature", None, {**value, "stage": "active", "createdAt": format_time(now), "memberTenantId": domain["memberTenantId"]})


_WORK: dict[str, Callable[[Service, dict[str, Any]], None]] = {
    "DestroyAccount": _destroy_account,
    "AccountMaintenance": _maintain_account,
    "StoreMaintenance": _maintain_store,
    "SpamFilterMaintenance": _maintain_filter,
    "DkimManagement": _manage_keys,
}


# --- methods -----------------------------------------------------------------


def get(call: MethodCall) -> dict[str, Any]:
    tasks = call.service.tasks
    numbers, invalid = wanted_ids(call)
    listed = sorted(tasks.waiting, key=tasks.due)[: call.service.limits["getMaxResults"]] if numbers is None else numbers
    found = []
    for number in listed:
        if number in tasks.waiting:
            due = {"due": tasks.waiting[number]["status"]["due"]} if "due" in tasks.waiting[number]["status"] else {}
            found.append(shown(call, tasks.waiting[number], number, due))
    return got(call, found, [number for number in listed if number not in tasks.waiting], invalid)


def query(call: MethodCall) -> dict[str, Any]:
    tasks = call.service.tasks
    listed = conditions(call)
    for name, _, value in listed:
        known = {"due": True, "@type": value in call.service.schema.variants["Task"], "status": value in call.service.schema.variants["TaskStatus"]}
        if not isinstance(value, str) or not known.get(name, False):
            raise unsupported(name)
    sort = (call.arguments.get("sort") or [{"property": "due", "isAscending": False}])[0]
    if sort.get("property") != "due":
        raise MethodError("unsupportedSort", "Only sorting by 'due' is supported for tasks")

    def matches(number: int) -> bool:
        task = tasks.waiting[number]
        for name, suffix, value in listed:
            if name == "@type" and task["@type"] != value:
                return False
            if name == "status" and value == "Failed" and task["status"]["@type"] != "Failed":
                return False
            if name == "due" and not compare(suffix, tasks.due(number), parse_time(value)):
                return False
        return True

    found = sorted(filter(matches, tasks.waiting), key=lambda number: (tasks.due(number), number), reverse=not sort.get("isAscending", True))
    return page(call, found, call.arguments, call.service.limits["queryMaxResults"], walked=True)


def set_tasks(call: MethodCall) -> dict[str, Any]:
    tasks, schema, changes = call.service.tasks, call.service.schema, Changes(call)
    for key, new in (call.arguments.get("create") or {}).items():
        try:
            value = Patcher(schema, create=True).whole("Task", schema.new("Task"), new)
            value = _stamped(value, call.service.server.now())
            _check(call, value)
            changes.create(key, tasks.put(value))
        except PatchError as error:
            changes.not_created[key] = SetError("invalidPatch", error.message, [error.path]).as_json()
        except SetError as error:
            changes.not_created[key] = error.as_json()
    for number, patch in changes.updates():
        text, found = ids.encode(number), tasks.waiting.get(number)
        if found is None:
            changes.not_updated[text] = NOT_FOUND
            continue
        try:
            value = found
            for pointer, item in patch.items():
                value = Patcher(schema).at("Task", value, split_pointer(pointer), item)
            tasks.waiting[number] = _stamped(value, call.service.server.now())
            changes.updated[text] = None
        except PatchError as error:
            changes.not_updated[text] = SetError("invalidPatch", error.message, [error.path]).as_json()
    for number in changes.destroys():
        text, found = ids.encode(number), tasks.waiting.get(number)
        if found is None:
            changes.not_destroyed[text] = NOT_FOUND
        elif found["@type"] == "DestroyAccount" and not call.service.server.enterprise:
            words = "Account recovery is not supported in this deployment"
            changes.not_destroyed[text] = SetError("forbidden", words).as_json()
        else:
            del tasks.waiting[number]
            changes.destroyed.append(text)
    return changes.as_json()


def _check(call: MethodCall, value: dict[str, Any]) -> None:
    """Raises SetError."""
    schema, kind = call.service.schema, value["@type"]
    if errors := check(schema, "Task", value):
        raise SetError("validationFailed", more={"validationErrors": errors})
    if not call.token.may(f"task{kind}"):
        raise SetError("forbidden", f"Insufficient permissions to create task of type {kind}")
    if kind in _INTERNAL:
        raise SetError("forbidden", f"{kind} is an internal task type that cannot be created by clients")
    structure = schema.structure("Task", value)
    for item in structure.properties.values() if structure is not None else ():
        if "link" in item.traits and value.get(item.name):
            number = ids.decode(value[item.name]) or 0
            if call.service.store.get(item.kind.of, number) is None:
                raise SetError("invalidForeignKey", more={"objectId": object_id(item.kind.of, number)})
