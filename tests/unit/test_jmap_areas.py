# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, queue, reports, stores, the spam filter, diagnosis and accounts on a server since 0.16: the same tasks, the same results."""

from __future__ import annotations

import datetime as dt
import json
import typing as t

import httpx
import pytest

from ansible_collections.stalwart.mail.plugins.module_utils import _http
from ansible_collections.stalwart.mail.plugins.module_utils._errors import EditionMissing, InvalidOption, NotApplied, NotFound, Refused, ServerFault
from ansible_collections.stalwart.mail.plugins.module_utils._http import Connection, HttpClient
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources import diagnosis, dkim, reload, reports, spam_filter, stores
from ansible_collections.stalwart.mail.plugins.module_utils._resources.queue import message, state
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.adapter import JmapServer
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.dns import parse_zone
from ansible_collections.stalwart.mail.plugins.module_utils._server.jmap.versions import version_by_content, version_by_name
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.dns import DnsRecord
from ansible_collections.stalwart.mail.plugins.module_utils._server.models.queue import QueueFilter
from ansible_collections.stalwart.mail.plugins.module_utils._server.port import Server

Object = dict[str, t.Any]
DOMAIN = "example.test"


class Objects:
    """As much of a server since 0.16 as is needed: objects by type and id, filtered by equality, and what actions answer."""

    def __init__(self, **objects: list[Object]) -> None:
        _http._guard.forget()
        self.stored: dict[str, dict[str, Object]] = {kind: {each["id"]: dict(each) for each in found} for kind, found in objects.items()}
        self.stored.setdefault("Domain", {"d": {"id": "d", "name": DOMAIN, "dkimManagement": {"@type": "Manual"}}})
        self.answers: dict[str, t.Any] = {}
        self.refusals: dict[str, Object] = {}
        self.writes: list[tuple[str, Object]] = []
        self.paths: dict[str, httpx.Response] = {}
        self.made = 0

    @property
    def server(self) -> Server:
        connection = Connection(url="http://127.0.0.1:1", user="admin", password="long-and-unlike-any-data", retries=0, timeout=5)
        return t.cast(Server, JmapServer(HttpClient(connection, transport=httpx.MockTransport(self.handle))))

    def run(self, manage: t.Callable[..., Outcome], *, check: bool = False, **options: t.Any) -> Outcome:
        self.warnings: list[str] = []
        return manage(self.server, options, Mode(check=check, warn=self.warnings.append))

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path in self.paths:
            return self.paths[request.url.path]
        if request.url.path == "/jmap/session":
            core = {"maxCallsInRequest": 16, "maxObjectsInGet": 500, "maxObjectsInSet": 500}
            return httpx.Response(
                200, json={"capabilities": {"urn:ietf:params:jmap:core": core}, "accounts": {"a": {}}, "primaryAccounts": {"urn:stalwart:jmap": "a"}}
            )
        if request.url.path != "/jmap":
            return httpx.Response(404, json={"type": "about:blank", "status": 404, "title": "Not Found"})
        responses: list[t.Any] = []
        for name, arguments, call in json.loads(request.content)["methodCalls"]:
            kind, method = name.removeprefix("x:").split("/")
            responses.append([name, self._answer(kind, method, arguments, responses), call])
        return httpx.Response(200, json={"methodResponses": responses})

    def _answer(self, kind: str, method: str, arguments: Object, responses: list[t.Any]) -> Object:
        stored = self.stored.setdefault(kind, {})
        if method == "query":
            wanted = {key: value for key, value in arguments.get("filter", {}).items() if not key.startswith("dueIs")}
            ids = [each for each, value in stored.items() if all(_matches(value, key, part) for key, part in wanted.items())]
            after = arguments.get("anchor")
            ids = ids[ids.index(after) + 1 :] if after in ids else ids
            return {"ids": ids[: arguments.get("limit", 5000)], "total": len(ids)}
        if method == "get":
            reference = arguments.get("#ids")
            ids = next(each[1]["ids"] for each in responses if reference and each[2] == reference["resultOf"]) if reference else arguments["ids"]
            return {"list": [stored[each] for each in ids if each in stored], "notFound": [each for each in ids if each not in stored]}
        return self._set(kind, stored, arguments)

    def _set(self, kind: str, stored: dict[str, Object], arguments: Object) -> Object:
        self.writes.append((kind, arguments))
        answer: Object = {"created": {}, "updated": {}, "destroyed": [], "notCreated": {}, "notUpdated": {}, "notDestroyed": {}}
        for key, value in arguments.get("create", {}).items():
            if kind in self.refusals:
                answer["notCreated"][key] = self.refusals[kind]
                continue
            self.made += 1
            identifier = f"n{self.made}"
            if kind == "DkimSignature":
                value = {**value, "publicKey": f"public-{self.made}", "createdAt": "2026-11-01T00:00:00Z"}
            if kind != "Action":
                stored[identifier] = {**value, "id": identifier}
            answer["created"][key] = {"id": identifier, **self.answers.get(value.get("@type", kind), {})}
        for key, patch in arguments.get("update", {}).items():
            if key not in stored:
                answer["notUpdated"][key] = {"type": "notFound"}
                continue
            _patch(stored[key], patch)
            answer["updated"][key] = None
        for key in arguments.get("destroy", []):
            if stored.pop(key, None) is None:
                answer["notDestroyed"][key] = {"type": "notFound"}
            else:
                answer["destroyed"].append(key)
        return answer


def _matches(value: Object, key: str, part: t.Any) -> bool:
    if key in ("text", "returnPath", "to"):
        return str(part) in json.dumps(value)
    if key == "queueName":
        return any(each["queueName"] == part for each in value["recipients"].values())
    return bool(value.get(key) == part)


def _patch(value: Object, patch: Object) -> None:
    for pointer, new in patch.items():
        target, *path = value, *pointer.split("/")
        for element in path[:-1]:
            target = target[element]
        if pointer == "nextRetry":
            for recipient in value["recipients"].values():
                recipient["retryDue"] = new
        elif new is None and len(path) > 1:
            target[path[-1]]["status"] = {"@type": "PermanentFailure", "errorMessage": "Delivery canceled."}
        else:
            target[path[-1]] = new


# DKIM: stages stand for ids


def shown(outcome: Outcome) -> list[tuple[str, str, t.Any]]:
    return [(each["id"], each["selector"], each["signs"]) for each in outcome.results["signatures"]]


def stages(site: Objects) -> dict[str, str]:
    return {each["selector"]: each["stage"] for each in site.stored["DkimSignature"].values()}


def test_keys_are_made_here_and_never_shown() -> None:
    site = Objects()
    made = site.run(dkim.manage, domain=[DOMAIN], algorithm=["ed25519"], selector="one")
    assert shown(made) == [(f"ed25519-{DOMAIN}", "one", True)]
    (_kind, arguments), *_rest = site.writes
    assert "BEGIN PRIVATE KEY" in arguments["create"]["new"]["privateKey"]["secret"]
    assert "PRIVATE" not in json.dumps(made.results) + json.dumps(made.diffs())
    assert not site.run(dkim.manage, domain=[DOMAIN], algorithm=["ed25519"]).changed


def test_a_rotation_by_ids_is_one_by_stages() -> None:
    site = Objects()
    site.run(dkim.manage, domain=[DOMAIN], algorithm=["ed25519"], selector="one")
    site.run(dkim.manage, domain=[DOMAIN], algorithm=["ed25519"], id=f"ed25519-{DOMAIN}-next", selector="two")
    assert stages(site) == {"one": "active", "two": "pending"}
    aside = site.run(dkim.manage, domain=[DOMAIN], id=f"ed25519-{DOMAIN}-old", key_from=f"ed25519-{DOMAIN}")
    assert shown(aside) == [(f"ed25519-{DOMAIN}-old", "one", False)]
    swap: Object = {"domain": [DOMAIN], "key_from": f"ed25519-{DOMAIN}-next", "replace": True}
    assert site.run(dkim.manage, check=True, **swap).operations() == site.run(dkim.manage, **swap).operations()
    assert not site.run(dkim.manage, **swap).changed
    assert stages(site) == {"one": "retiring", "two": "active"}
    assert shown(site.run(dkim.info)) == [
        (f"ed25519-{DOMAIN}", "two", True),
        (f"ed25519-{DOMAIN}-next", "two", False),
        (f"ed25519-{DOMAIN}-old", "one", False),
    ]
    for name in ("next", "old"):
        assert site.run(dkim.manage, id=f"ed25519-{DOMAIN}-{name}", state="absent").changed
    assert shown(site.run(dkim.info)) == [(f"ed25519-{DOMAIN}", "two", True)]


def test_an_id_that_says_nothing_is_refused_before_anything_is_written() -> None:
    site = Objects()
    with pytest.raises(Refused, match=r"servers since 0.16 keep no ids of signatures, so 'mine' can't be found again; use ed25519-example.test "):
        site.run(dkim.manage, check=True, domain=[DOMAIN], algorithm=["ed25519"], id="mine", selector="x")
    by_selector = site.run(dkim.manage, domain=[DOMAIN], algorithm=["ed25519"], id=f"ed25519-{DOMAIN}-x", selector="x")
    assert shown(by_selector) == [(f"ed25519-{DOMAIN}-x", "x", False)]
    assert stages(site) == {"x": "pending"}


def test_keys_that_the_server_manages_are_left_to_it_until_told() -> None:
    site = Objects(Domain=[{"id": "d", "name": DOMAIN, "dkimManagement": {"@type": "Automatic"}}])
    with pytest.raises(Refused, match=r"take_over: the server manages the DKIM keys of example.test by itself"):
        site.run(dkim.manage, check=True, domain=[DOMAIN], algorithm=["rsa"])
    assert not site.writes
    taken = site.run(dkim.manage, domain=[DOMAIN], algorithm=["rsa"], take_over=True)
    assert [(each["resource"], each["action"]) for each in taken.operations()] == [("domain", "take_over"), ("signature", "create")]
    assert site.stored["Domain"]["d"]["dkimManagement"] == {"@type": "Manual"}


def test_domains_that_the_server_publishes_are_told_apart() -> None:
    manual, automatic = {"id": "d", "name": DOMAIN}, {"id": "e", "name": "other.test", "dnsManagement": {"@type": "Automatic"}}
    assert Objects(Domain=[manual, automatic]).server.publishing([DOMAIN, "other.test", "unknown.test"]) == ["other.test"]


def test_a_zone_file_is_read_record_by_record() -> None:
    text = 'a._domainkey.x.test. IN TXT (\n"v=DKIM1; k=rsa; p=AB"\n"CD")\nx.test. IN MX 10 mx.x.test.\n_imaps._tcp.x.test. IN SRV 0 1 993 mx.x.test.\n'
    assert parse_zone(text) == [
        DnsRecord(type="TXT", name="a._domainkey.x.test.", content="v=DKIM1; k=rsa; p=ABCD"),
        DnsRecord(type="MX", name="x.test.", content="10 mx.x.test."),
        DnsRecord(type="SRV", name="_imaps._tcp.x.test.", content="0 1 993 mx.x.test."),
    ]
    with pytest.raises(ValueError, match="1"):
        parse_zone("x.test. IN NONSENSE 1\n")


# The queue


def queued(identifier: str, *addresses: str, due: str = "2090-01-01T00:00:00Z") -> Object:
    recipient = {"queueName": "remote", "retryCount": 0, "retryDue": due, "notifyDue": due, "status": {"@type": "Scheduled"}}
    return {"id": identifier, "returnPath": f"al@{DOMAIN}", "recipients": {each: json.loads(json.dumps(recipient)) for each in addresses}, "size": 7}


def test_a_queue_that_does_not_tell_is_told() -> None:
    site = Objects()
    assert site.run(state.info).results["queue"] == {"state": None, "local_delivery": None}
    for wanted, action in (("paused", "PauseMtaQueue"), ("running", "ResumeMtaQueue")):
        predicted = site.run(state.manage, check=True, state=wanted)
        assert not any(kind == "Action" and arguments["create"]["new"]["@type"] == action for kind, arguments in site.writes)
        made = site.run(state.manage, state=wanted)
        assert made.changed and made.operations() == predicted.operations() and made.diffs() == predicted.diffs()
        assert made.results["queue"]["state"] == wanted
        assert site.writes[-1][1]["create"]["new"] == {"@type": action}


def test_messages_are_put_off_and_given_up_one_recipient_at_a_time() -> None:
    site = Objects(QueuedMessage=[queued("m1", "b@x.test", "c@y.test"), queued("m2", "d@x.test")])
    later = site.run(message.manage, action="retry", recipient="x.test", at="2091-01-01T00:00:00Z")
    assert later.results["matched"] == 2 and later.results["verified"]
    assert not site.run(message.manage, action="retry", all=True, at="2091-01-01T00:00:00Z").changed
    one = site.run(message.manage, action="cancel", ids=["m1"], only_recipients=["c@y.test"])
    assert one.changed
    assert site.writes[-1][1]["update"] == {"m1": {"recipients/c@y.test": None}}
    assert not site.run(message.manage, action="cancel", ids=["m1"], only_recipients=["c@y.test"]).changed
    assert site.run(message.manage, action="cancel", all=True).results["matched"] == 2
    assert not site.stored["QueuedMessage"]
    assert not site.run(message.manage, action="cancel", ids=["m1", "No Id"]).changed


def test_messages_are_found_whatever_leaves_meanwhile() -> None:
    site = Objects(QueuedMessage=[queued(f"m{number}", "b@x.test") for number in range(1200)])
    assert sum(1 for _message in site.server.queue.find(QueueFilter())) == 1200
    assert site.server.queue.count(QueueFilter(recipient="x.test")) == 1200
    assert not list(site.server.queue.find(QueueFilter(queue="a-name-that-is-too-long")))


# Reports


def test_reports_are_told_in_the_words_of_the_rfcs() -> None:
    record = {
        "sourceIp": "192.0.2.1",
        "count": 2,
        "evaluatedDisposition": "none",
        "evaluatedDkim": "pass",
        "evaluatedSpf": "fail",
        "headerFrom": "x.test",
        "spfResults": {"0": {"domain": "x.test", "scope": "mailFrom", "result": "softFail"}},
        "policyOverrideReasons": {"0": {"overrideType": "LocalPolicy", "comment": "arc"}},
    }
    content = {"orgName": "r.test", "dateRangeBegin": "2026-11-01T00:00:00Z", "dateRangeEnd": "2026-11-02T00:00:00Z", "policyDomain": "x.test"}
    dmarc = {"id": "r1", "from": "a@r.test", "to": {"p@x.test": True}, "report": {**content, "policyDisposition": "reject", "records": {"0": record}}}
    failure = {"resultType": "startTlsNotSupported", "sendingMtaIp": "192.0.2.1", "failedSessionCount": 1}
    policy = {"policyType": "noPolicyFound", "policyDomain": "x.test", "totalFailedSessions": 1, "failureDetails": {"0": failure}}
    site = Objects(DmarcExternalReport=[dmarc], TlsExternalReport=[{"id": "r2", "report": {"reportId": "1", "policies": {"0": policy}}}])
    (found,) = site.run(reports.info, kind="dmarc", text="R.test").results["reports"]
    assert found["policy"] == {"p": "reject"} and found["domains"] == ["x.test"]
    assert found["records"][0]["spf_results"][0] == {"domain": "x.test", "selector": "", "scope": "mfrom", "result": "softfail", "explanation": ""}
    assert found["records"][0]["reasons"] == ["local_policy: arc"]
    (tls,) = site.run(reports.info, kind="tls").results["reports"]
    assert (tls["policies"][0]["type"], tls["policies"][0]["failures"][0]["result"]) == ("no-policy-found", "starttls-not-supported")
    assert site.run(reports.manage, kind="dmarc", ids=["r1", "nonsense!"]).results["reports"] == ["r1"]
    assert not site.stored["DmarcExternalReport"]


def test_a_text_means_all_of_its_words() -> None:
    site = Objects(ArfExternalReport=[{"id": "r1", "subject": "one two", "report": {}}, {"id": "r2", "subject": "two", "report": {}}])
    site.stored["ArfExternalReport"]["r2"]["subject"] = "two"
    found = site.server.reports.find("arf", "incoming", text="two")
    assert sorted(found) == ["r1", "r2"]


# Stores and the spam filter


ACCOUNT: Object = {"id": "u", "name": "al", "domainId": "d", "emailAddress": f"al@{DOMAIN}", "usedDiskQuota": 17}


def test_tasks_are_waited_for_and_their_failure_is_told() -> None:
    site = Objects(Account=[ACCOUNT])
    started = site.run(stores.manage, action="purge_data")
    assert started.results["store"] == {"action": "purge_data", "finished": False}
    (task,) = site.stored["Task"].values()
    assert (task["@type"], task["maintenanceType"], task["status"]) == ("StoreMaintenance", "purgeData", {"@type": "Pending"})
    with pytest.raises(NotApplied, match=r"did not finish within 0.1 seconds"):
        site.run(stores.manage, action="purge_in_memory", kind="greylist", wait=True, wait_timeout=0.1)
    work = site.server.stores.purge_accounts(f"al@{DOMAIN}")
    assert work is not None and not work.done()
    (*_others, task) = site.stored["Task"].values()
    assert task["accountId"] == "u"
    task["status"] = {"@type": "Retry", "failureReason": "no room left"}
    with pytest.raises(ServerFault, match="no room left"):
        work.done()
    site.stored["Task"].clear()
    assert work.done()


def test_an_account_is_known_by_its_address_or_its_name_alone() -> None:
    site = Objects(
        Account=[ACCOUNT, {**ACCOUNT, "id": "v", "name": "bo"}, {**ACCOUNT, "id": "w", "name": "bo", "domainId": "e", "emailAddress": "bo@other.test"}]
    )
    site.stored["SystemSettings"] = {"singleton": {"id": "singleton", "defaultDomainId": "z"}}
    assert site.run(stores.info, accounts=[f"al@{DOMAIN}", "al", "nobody"]).results["accounts"] == [
        {"name": f"al@{DOMAIN}", "used_quota": 17},
        {"name": "al", "used_quota": 17},
    ]
    with pytest.raises(Refused, match=r"it may be al@example.test or bo@other.test; give the whole address"):
        site.server.stores.used_quota("bo")
    site.stored["SystemSettings"]["singleton"]["defaultDomainId"] = "e"
    assert site.server.stores.used_quota("bo") == 17


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"action": "purge_data", "store": "other"}, "store: there is no store 'other'; servers since 0.16 have one of each sort; remove the option."),
        ({"action": "purge_in_memory", "kind": "reputation-ip"}, "the kind 'reputation-ip' is known to servers up to 0.14 only"),
        ({"action": "reset_uids", "account": "al"}, "set force_resync: true"),
    ],
)
def test_what_is_gone_is_refused(options: Object, says: str) -> None:
    with pytest.raises((InvalidOption, Refused), match=says):
        Objects(Account=[ACCOUNT]).run(stores.manage, check=True, **options)


def test_a_filter_learns_from_samples_and_judges() -> None:
    site = Objects(Account=[ACCOUNT])
    site.paths["/jmap/upload/a/"] = httpx.Response(200, json={"blobId": "blob"})
    learned = site.run(spam_filter.manage, action="learn", learn_as="spam", content="From: a@b.test\n\nx", account=f"al@{DOMAIN}")
    assert learned.results["spam_filter"]["learned"] is False
    assert site.writes[-1][1]["create"]["new"] == {"blobId": "blob", "isSpam": True, "accountId": "u"}
    assert site.run(spam_filter.manage, action="start_training").changed
    assert not site.run(spam_filter.manage, action="start_training").changed
    tags = {"UNSCORED": {"score": 0, "disposition": "reject"}, "BAD": {"score": 4.5, "disposition": "score"}}
    site.answers["ClassifySpam"] = {"score": 4.5, "result": "ham", "tags": tags}
    judged = site.run(spam_filter.classify, content="From: a@b.test\n\nx", remote_ip="192.0.2.1", ehlo_domain="x.test", sender="a@b.test").results
    assert judged["classification"]["disposition"] == "allow"
    assert [(tag["name"], tag["action"]) for tag in judged["classification"]["tags"]] == [("BAD", "allow"), ("UNSCORED", "allow")]
    with pytest.raises(InvalidOption, match=r"sender: it is missing, and servers since 0.16 judge no message without it"):
        site.run(spam_filter.classify, content="From: a@b.test\n\nx", remote_ip="192.0.2.1", ehlo_domain="x.test")
    with pytest.raises(Refused, match=r"overwrite: servers since 0.16 add the rules"):
        site.run(spam_filter.manage, action="update_rules", overwrite=True)


# Diagnosis, reload, versions


def test_a_delivery_test_and_the_log_are_told_as_before() -> None:
    site = Objects(Log=[{"id": "l1", "timestamp": "2026-11-01T00:00:00Z", "level": "warn", "event": "auth.failed", "details": "x"}])
    lines = 'event: event\ndata: [{"type":"mxLookupStart"}]\n\nevent: event\ndata: [{"type":"mxLookupError","reason":"gone","elapsed":3}]\n\n'
    stream = lines + 'event: event\ndata: [{"type":"completed"}]\n\n'
    site.paths["/api/live/delivery/x.test"] = httpx.Response(200, text=stream, headers={"content-type": "text/event-stream"})
    told = site.run(diagnosis.delivery, target="x.test").results["delivery"]
    assert (told["verdict"], told["failing_step"], told["reason"]) == ("undeliverable", "mx_lookup", "gone")
    (line,) = site.run(diagnosis.logs, events=["auth"]).results["logs"]
    assert (line["event_id"], line["level"]) == ("auth.failed", "warn")
    with pytest.raises(EditionMissing):
        site.server.telemetry.token("metrics")


def test_a_reload_names_the_broken_object_and_is_not_only_tried() -> None:
    site = Objects()
    assert site.run(reload.manage).results["reloaded"]
    predicted = site.run(reload.manage, check=True)
    assert predicted.changed and "whether a reload would succeed is not known" in site.warnings[0]
    with pytest.raises(Refused, match=r"validate_only: servers since 0.16 can't only check settings"):
        site.run(reload.manage, validate_only=True)
    broken = {"type": "validationFailed", "description": "Environment variable 'X' not found", "objectId": {"object": "Directory", "id": "q"}}
    site.refusals["Action"] = broken
    with pytest.raises(Refused, match=r"Directory q \(Environment variable 'X' not found\)"):
        site.run(reload.manage)


def test_the_version_is_told_by_the_schema() -> None:
    assert version_by_name("25gnm1_xB9bPk-puX9VTFMP1W5V-1muUWuK964-_uEw") == "0.16.18"
    assert version_by_name("unknown") == ""
    schema = {"fields": {"x:Http": {"properties": {"redirectRoot": {}}}}, "schemas": {"x:DkimSignature": {"variants": [{"name": "Dkim1RsaSha256"}]}}}
    assert version_by_content(schema) == "0.16.10"
    assert version_by_content({}) == "0.16.0"


def test_what_is_not_there_is_not_found() -> None:
    site = Objects()
    assert site.server.queue.get("zz") is None
    assert site.server.reports.get("dmarc", "incoming", "zz") is None
    assert site.server.telemetry.trace("zz") == []
    with pytest.raises(NotFound):
        site.server.stores.used_quota(f"no@{DOMAIN}")
    site.server.queue.cancel("zz")
    site.server.queue.retry("zz", dt.datetime(2090, 1, 1, tzinfo=dt.timezone.utc))
    site.server.reports.delete("tls", "incoming", "zz")
