# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of servers since 0.16: addresses of properties, whole objects and types, and where the old keys are."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.stalwart.mail.plugins.module_utils._errors import InvalidOption
from ansible_collections.stalwart.mail.plugins.module_utils._reconcile.plan import Mode, Outcome
from ansible_collections.stalwart.mail.plugins.module_utils._resources.objects.export import exported
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.moved import MOVED, place_of
from ansible_collections.stalwart.mail.plugins.module_utils._resources.settings.task import info, manage, secret_values
from tests.support.objects import ObjectServer

DOCS = Path(__file__).resolve().parents[2] / "docs/settings-0.16.md"


def run(store: ObjectServer, *, check: bool = False, **options: t.Any) -> Outcome:
    """One task."""
    return manage(store.server, options, Mode(check=check))


def refusal(store: ObjectServer, **options: t.Any) -> str:
    """The sentence of a refused task."""
    with pytest.raises(InvalidOption) as refused:
        run(store, **options)
    assert store.writes == []
    return str(refused.value)


def test_nested_and_dotted_are_the_same() -> None:
    store = ObjectServer()
    done = run(store, settings={"Http": {"box": {"depth": 5}, "headers.X-A": 1}, "MtaRoute.relay.color": "red", "MtaRoute": {"second": {"size": "1M"}}})
    assert done.results["settings"] == {"Http.box.depth": "5", "Http.headers.X-A": "1", "MtaRoute.relay.color": "red", "MtaRoute.second.size": "1048576"}
    assert store.reloads == ["all"]
    assert run(store, settings={"Http.box.depth": 5, "Http.headers": {"X-A": "1"}, "MtaRoute": {"relay.color": "red"}}).changes == []


def test_what_older_servers_have_is_left_out_where_that_is_wanted() -> None:
    store = ObjectServer()
    both = {"Http.box.depth": 5, "session": {"timeout": "5m"}, "made-up": 1}
    assert "'session.timeout' is a setting of servers up to 0.15" in refusal(store, settings=both)
    done = run(store, settings=both, other_generation="leave_out")
    assert done.results["settings"] == {"Http.box.depth": "5"}
    assert done.results["left_out"] == {
        "session.timeout": "servers up to 0.15 have it; since then it is MtaInboundSession.timeout",
        "made-up": "servers up to 0.15 have it; since then it is no setting that is known here",
    }
    assert not run(store, settings={"session.timeout": "5m"}, other_generation="leave_out").changed
    for wrong in ({"state": "absent", "keys": ["Http.limit"]}, {"prefix": "Http", "settings": {"limit": "5/1h"}}):
        with pytest.raises(InvalidOption, match=r"^other_generation: "):
            run(store, **wrong, other_generation="leave_out")


def test_check_mode_tells_the_same() -> None:
    store = ObjectServer()
    wanted = {"Http.script": 5, "MtaRoute.relay.colors": ["red"]}
    predicted = run(store, settings=wanted, check=True)
    assert store.writes == []
    done = run(store, settings=wanted)
    assert predicted.results["settings"] == done.results["settings"]
    assert [each.diff() for each in predicted.changes] == [each.diff() for each in done.changes]


def test_exact_for_a_singleton_puts_the_rest_back() -> None:
    store = ObjectServer()
    run(store, settings={"Http": {"limit": "5/1h", "script": "300", "headers": {"X-A": "1"}, "box": {"depth": 7}}})
    run(store, state="exact", prefix="Http", settings={"script": "300"})
    found = info(store.server, {"prefixes": ["Http"]}, Mode()).results["settings"]
    assert found == {"Http.limit": "10/1m", "Http.script": "300", "Http.box.depth": "3"}
    assert run(store, state="exact", prefix="Http", settings={"script": "300"}).changes == []


def test_exact_for_a_type_removes_the_rest() -> None:
    store = ObjectServer()
    run(store, settings={"MtaRoute": {name: {} for name in ("one", "two", "three")}})
    done = run(store, state="exact", prefix="MtaRoute", settings={"two": {"color": "blue"}})
    assert [(each.action, each.name) for each in done.changes] == [("update", "two"), ("delete", "one"), ("delete", "three")]


def test_what_is_removed_has_its_default_or_is_gone() -> None:
    store = ObjectServer()
    run(
        store,
        settings={"Http": {"limit": "5/1h", "headers": {"X-A": "1", "X-B": "2"}}, "MtaRoute.relay": {"color": "red", "timeout": "9s"}, "MtaRoute.old": {}},
    )
    run(store, state="absent", keys=["Http.limit", "Http.headers.X-A", "MtaRoute.relay.timeout", "MtaRoute.old", "MtaRoute.never"])
    found = info(store.server, {"keys": ["Http.limit", "MtaRoute.relay.timeout"], "prefixes": ["Http.headers"]}, Mode()).results["settings"]
    assert found == {"Http.limit": "10/1m", "Http.headers.X-B": "2", "MtaRoute.relay.timeout": "5s"}
    assert [each["name"] for each in store.stored["MtaRoute"].values()] == ["relay"]
    run(store, state="absent", prefixes=["MtaRoute"])
    assert store.stored["MtaRoute"] == {}


def test_records_and_nested_data_are_read() -> None:
    store = ObjectServer()
    run(store, settings={"Tracer.Log.path": "/var/log", "Tracer.Stdout.level": "red"})
    results = info(store.server, {"prefixes": ["Tracer"], "group_by": "path"}, Mode()).results
    assert results["groups"] == [{"prefix": "Tracer", "id": "Log", "settings": {"@type": "Log", "level": "green", "path": "/var/log"}}]
    assert results["nested"]["Tracer"]["Stdout"] == {"@type": "Stdout", "level": "red"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"settings": {"server.hostname": "x"}},
            "settings: 'server.hostname' is a setting of servers up to 0.15; on this one it is SystemSettings.defaultHostname.",
        ),
        (
            {"settings": {"session": {"timeout": "5m"}}},
            "settings: 'session.timeout' is a setting of servers up to 0.15; on this one it is MtaInboundSession.timeout.",
        ),
        ({"prefix": "queue.limiter.inbound", "settings": {"x": {}}}, "prefix: 'queue.limiter.inbound' is a setting of servers up to 0.15"),
        ({"state": "absent", "keys": ["http.hsts"]}, "keys: 'http.hsts' is a setting of servers up to 0.15; on this one it is Http.enableHsts."),
        ({"settings": {"nothing.of.this": 1}}, "settings: 'nothing.of.this' is no setting of this server: since 0.16 they are properties"),
        ({"settings": {"Htp.x": 1}}, "settings: 'Htp' is no type of this server; did you mean Http?"),
        ({"settings": {"Http": 5}}, "settings.Http: it has properties and no value of its own; give a dictionary of them."),
        ({"settings": {"MtaRoute.color": "red"}}, "settings.MtaRoute.color: there may be many objects of type MtaRoute; write MtaRoute.NAME.color."),
        ({"settings": {"Domain.example.org.aliases": []}}, "settings: objects of type Domain are no settings; use the module principal, or object."),
        ({"settings": {"Http.colour": 1}}, "settings.Http.colour: there is no such property"),
        ({"state": "absent", "keys": ["Http"]}, "keys: there is always exactly one Http; name its properties"),
        ({"state": "absent", "keys": ["MtaRoute"]}, "keys: MtaRoute is a type; name its objects"),
        ({"state": "exact", "prefix": "Http.box", "settings": {"depth": 1}}, "prefix: 'Http.box' is within an object"),
    ],
)
def test_one_sentence_for_what_is_wrong(options: dict[str, t.Any], sentence: str) -> None:
    assert refusal(ObjectServer(), **options).startswith(sentence)


def test_secrets_are_not_asked_for() -> None:
    with pytest.raises(InvalidOption, match=r"no server since 0\.16 returns secrets"):
        info(ObjectServer().server, {"include_secrets": True}, Mode())


def test_what_is_exported_changes_nothing() -> None:
    store = ObjectServer()
    run(
        store,
        settings={
            "Http": {"script": "300", "httpHeaders": {"Authorization": "a-token-of-ours"}},
            "MtaRoute.relay": {"authSecret": "a-password-of-ours", "size": 5},
        },
    )
    out = exported(store.server, include_secrets=False)
    assert out.settings == {"Http": {"script": "300"}, "MtaRoute": {"relay": {"name": "relay", "size": 5}}}
    assert out.left_out == ["Http.httpHeaders", "MtaRoute.relay.authSecret"]
    assert run(store, settings=out.settings).changes == []
    assert exported(store.server, include_secrets=True).settings["Http"]["httpHeaders"] == {"Authorization": "a-token-of-ours"}


def test_secrets_in_the_option_are_told_by_their_properties() -> None:
    option = {"MtaRoute.relay.authSecret": "s1-long-enough", "WebHook": {"https://x.org": {"signatureKey": {"@type": "Value", "secret": "s2-long-enough"}}}}
    assert set(secret_values(option)) == {"s1-long-enough", "s2-long-enough"}
    assert list(secret_values({"oauth.expiry.token": "1h", "OidcProvider.accessTokenExpiry": "1h"})) == []


# The table of old keys

#: What the types have that the table leads to, as measured on 0.16.18.
KNOWN = {
    "AcmeProvider": "",
    "AddressBook": "maxVCardSize",
    "AiModel": "",
    "AllowedIp": "",
    "Asn": "",
    "Authentication": "directoryId",
    "BlobStore": "",
    "BlockedIp": "",
    "Cache": "",
    "Calendar": "defaultDisplayName maxICalendarSize",
    "CalendarAlarm": "enable",
    "CalendarScheduling": "enable",
    "Certificate": "",
    "ClusterRole": "",
    "Coordinator": "",
    "DataRetention": "archiveDeletedItemsFor expungeTrashAfter holdMetricsFor holdMtaReportsFor holdTracesFor maxChangesHistory metricsCollectionInterval",
    "DataStore": "",
    "Directory": "",
    "DkimReportSettings": "fromAddress sendFrequency",
    "DkimSignature": "",
    "DmarcReportSettings": "aggregateFromAddress aggregateOrgName aggregateSendFrequency failureFromAddress failureSendFrequency",
    "DnsResolver": "@type",
    "Domain": "catchAllAddress subAddressing",
    "DsnReportSettings": "dkimSignDomain fromAddress fromName",
    "Email": "defaultFolders encryptAtRest encryptOnAppend maxAttachmentSize maxMailboxDepth maxMailboxNameLength maxMessageSize",
    "Enterprise": "licenseKey logoUrl",
    "EventTracingLevel": "level",
    "FileStorage": "maxSize",
    "Http": "allowedEndpoints enableHsts rateLimitAnonymous rateLimitAuthenticated responseHeaders usePermissiveCors useXForwarded",
    "HttpForm": "deliverTo enable maxSize rateLimit",
    "HttpLookup": "",
    "Imap": "allowPlainTextAuth maxAuthFailures maxConcurrent maxRequestRate maxRequestSize timeoutAnonymous timeoutAuthenticated timeoutIdle",
    "InMemoryStore": "",
    "Jmap": (
        "changesMaxResults getMaxResults maxConcurrentRequests maxConcurrentUploads maxMethodCalls maxRequestSize maxUploadCount "
        "maxUploadSize pushThrottle queryMaxResults setMaxObjects uploadQuota uploadTtl websocketHeartbeat"
    ),
    "MemoryLookupKey": "",
    "MemoryLookupKeyValue": "",
    "Metrics": "openTelemetry prometheus",
    "MtaConnectionStrategy": "",
    "MtaDeliverySchedule": "",
    "MtaExtensions": "chunking deliverBy dsn expn futureRelease mtPriority noSoliciting pipelining requireTls vrfy",
    "MtaHook": "",
    "MtaInboundSession": "maxDuration timeout transferLimit",
    "MtaInboundThrottle": "",
    "MtaMilter": "",
    "MtaOutboundStrategy": "connection route schedule tls",
    "MtaOutboundThrottle": "",
    "MtaQueueQuota": "",
    "MtaRoute": "",
    "MtaStageAuth": "maxFailures mustMatchSender require saslMechanisms waitOnFail",
    "MtaStageConnect": "hostname script smtpGreeting",
    "MtaStageData": (
        "addAuthResultsHeader addDateHeader addDeliveredToHeader addMessageIdHeader addReceivedHeader addReceivedSpfHeader "
        "addReturnPathHeader enableSpamFilter maxMessageSize maxMessages maxReceivedHeaders script"
    ),
    "MtaStageEhlo": "rejectNonFqdn require script",
    "MtaStageMail": "isSenderAllowed rewrite script",
    "MtaStageRcpt": "allowRelaying maxFailures maxRecipients rewrite script waitOnFail",
    "MtaSts": "maxAge mode mxHosts",
    "MtaTlsStrategy": "",
    "MtaVirtualQueue": "",
    "NetworkListener": "socketBacklog socketNoDelay socketTtl tlsDisableCipherSuites tlsDisableProtocols tlsIgnoreClientOrder",
    "OidcProvider": (
        "accessTokenExpiry anonymousClientRegistration authCodeExpiry authCodeMaxAttempts refreshTokenExpiry requireClientRegistration userCodeExpiry"
    ),
    "ReportSettings": "inboundReportAddresses inboundReportForwarding outboundReportDomain outboundReportSubmitter",
    "SearchStore": "",
    "Security": "abuseBanRate authBanRate loiterBanRate scanBanPaths scanBanRate",
    "SenderAuth": "arcVerify dkimSignDomain dkimStrict dkimVerify dmarcVerify reverseIpVerify spfEhloVerify spfFromVerify",
    "SieveSystemInterpreter": "defaultFromAddress defaultFromName maxRedirects",
    "SieveSystemScript": "",
    "SieveUserInterpreter": "maxRedirects maxScriptSize",
    "SieveUserScript": "",
    "SpamClassifier": "minHamSamples minSpamSamples",
    "SpamDnsblServer": "",
    "SpamDnsblSettings": "domainLimit ipLimit",
    "SpamPyzor": "enable host port",
    "SpamRule": "",
    "SpamSettings": "enable greylistFor scoreDiscard scoreReject scoreSpam spamFilterRulesUrl trustContacts trustReplies",
    "SpamTag": "",
    "SpfReportSettings": "fromAddress sendFrequency",
    "SystemSettings": "defaultHostname maxConnections proxyTrustedNetworks",
    "TlsReportSettings": "fromAddress orgName sendFrequency",
    "Tracer": "",
    "WebDav": "maxLockTimeout requestMaxSize",
    "WebHook": "",
}


def test_the_places_of_old_keys_are_there() -> None:
    assert len(MOVED) >= 60
    for old, place in MOVED.items():
        for address in re.split(r", | or ", place.partition(" (")[0]):
            if " " in address:
                continue  # no place within the server
            kind, *rest = address.split(".")
            assert kind in KNOWN, old
            named = [part for part in rest if not part.replace("/", "").isupper()]
            assert not named or named[0] in KNOWN[kind].split(), f"{old}: {kind} has no {named[0]}"


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("session.data.limits.size", "MtaStageData.maxMessageSize"),
        ("queue.route.relay.address", "MtaRoute.NAME"),
        ("server.listener", "NetworkListener.NAME"),
        ("http.headers.0", "Http.responseHeaders"),
        ("resolver.type", "DnsResolver.@type"),
        ("resolver.timeout", "DnsResolver"),
        ("Http.enableHsts", ""),
        ("server.nothing", ""),
    ],
)
def test_old_keys_are_found_by_their_longest_start(key: str, place: str) -> None:
    assert place_of(key) == place


def test_the_guide_has_the_same_table() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", DOCS.read_text(encoding="utf-8").split("## Where the old keys are")[1], re.MULTILINE)
    assert {old: place.replace("`", "") for old, place in rows} == MOVED
