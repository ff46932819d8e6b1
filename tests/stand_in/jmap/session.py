"""The session object: what the server can do, for whom, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..access import AccessToken
from . import ids

if TYPE_CHECKING:
    from .service import Service

_PLAIN = """
mail calendars calendars:parse contacts contacts:parse filenode principals principals:availability submission vacationresponse sieve blob quota emailpush
webpush-vapid websocket
""".split()
_SIEVE = """
body comparator-elbonia comparator-i;ascii-casemap comparator-i;ascii-numeric comparator-i;octet convert copy date duplicate editheader enclose
encoded-character enotify envelope envelope-deliverby envelope-dsn environment ereject extlists extracttext fcc fileinto foreverypart ihave imap4flags
imapsieve include index mailbox mailboxid mboxmetadata mime redirect-deliverby redirect-dsn regex reject relational replace servermetadata spamtest
spamtestplus special-use subaddress vacation vacation-seconds variables virustest
""".split()
_NAMES_OF_DEVICES = [".", "..", "CON", "PRN", "AUX", "NUL", *(f"COM{number}" for number in range(10)), *(f"LPT{number}" for number in range(10))]


def _urn(name: str) -> str:
    return f"urn:ietf:params:jmap:{name}"


def session(service: Service, token: AccessToken | None) -> dict[str, Any]:
    """For a caller, or for nobody: that one has no accounts and is no proof of a login."""
    running, host = service.running["Jmap"], service.server.hostname
    core = {
        "maxSizeUpload": running["maxUploadSize"],
        "maxConcurrentUpload": running["maxConcurrentUploads"],
        "maxSizeRequest": running["maxRequestSize"],
        "maxConcurrentRequests": running["maxConcurrentRequests"],
        "maxCallsInRequest": running["maxMethodCalls"],
        "maxObjectsInGet": running["getMaxResults"],
        "maxObjectsInSet": running["setMaxObjects"],
        "collationAlgorithms": ["i;ascii-numeric", "i;ascii-casemap", "i;unicode-casemap"],
    }
    special: dict[str, dict[str, Any]] = {
        "sieve": {"implementation": "Stalwart v1.0.0"},
        "webpush-vapid": {"applicationServerKey": service.push_key},
        "websocket": {"url": f"wss://{host}/jmap/ws", "supportsPush": True},
    }
    accounts = _accounts(service, token) if token is not None else {}
    own = _abilities(ids.encode(token.principal_id)) if token is not None else {}
    return {
        "capabilities": {_urn("core"): core, **{_urn(name): special.get(name, {}) for name in _PLAIN}},
        "accounts": accounts,
        "primaryAccounts": {name: ids.encode(token.principal_id) for name in own} if token is not None else {},
        "username": token.name if token is not None else "",
        "apiUrl": f"https://{host}/jmap/",
        "downloadUrl": f"https://{host}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?accept={{type}}",
        "uploadUrl": f"https://{host}/jmap/upload/{{accountId}}/",
        "eventSourceUrl": f"https://{host}/jmap/eventsource/?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
        "state": service.session_state(token) if token is not None else "0",
    }


def _accounts(service: Service, token: AccessToken) -> dict[str, Any]:
    found = {ids.encode(token.principal_id): _account(token.name, ids.encode(token.principal_id), personal=True)}
    for group in token.member_of:
        holder = service.server.directory.by_id(group)
        if holder is not None:
            found[ids.encode(group)] = _account(holder.all_addresses()[0], ids.encode(group), personal=False)
    return found


def _account(name: str, identifier: str, *, personal: bool) -> dict[str, Any]:
    return {"name": name, "isPersonal": personal, "isReadOnly": False, "accountCapabilities": _abilities(identifier)}


def _abilities(identifier: str) -> dict[str, Any]:
    year = "P52W1D"
    listed: dict[str, dict[str, Any]] = {
        "mail": {
            "maxMailboxesPerEmail": None,
            "maxMailboxDepth": 10,
            "maxSizeMailboxName": 255,
            "maxSizeAttachmentsPerEmail": 50_000_000,
            "emailQuerySortOptions": "receivedAt size from to subject sentAt hasKeyword allInThreadHaveKeyword someInThreadHaveKeyword".split(),
            "mayCreateTopLevelMailbox": True,
        },
        "submission": {
            "maxDelayedSend": 2_592_000,
            "submissionExtensions": {"FUTURERELEASE": [], "SIZE": [], "DSN": [], "DELIVERYBY": [], "MT-PRIORITY": ["MIXER"], "REQUIRETLS": []},
        },
        "vacationresponse": {},
        "contacts": {"maxAddressBooksPerCard": None, "mayCreateAddressBook": True},
        "contacts:parse": {},
        "calendars": {
            "maxCalendarsPerEvent": None,
            "minDateTime": "0001-01-01T00:00:00Z",
            "maxDateTime": "9999-12-31T23:59:59Z",
            "maxExpandedQueryDuration": year,
            "maxParticipantsPerEvent": 20,
            "mayCreateCalendar": True,
        },
        "calendars:parse": {},
        "websocket": {},
        "sieve": {
            "maxSizeScriptName": 512,
            "maxSizeScript": 102_400,
            "maxNumberScripts": 100,
            "maxNumberRedirects": 1,
            "sieveExtensions": _SIEVE,
            "notificationMethods": ["mailto"],
            "externalLists": None,
        },
        "blob": {
            "maxSizeBlobSet": 7_499_488,
            "maxDataSources": 16,
            "supportedTypeNames": ["Email", "Thread", "SieveScript"],
            "supportedDigestAlgorithms": ["sha", "sha-256", "sha-512"],
        },
        "quota": {},
        "principals": {"currentUserPrincipalId": identifier},
        "principals:availability": {"maxAvailabilityDuration": year},
        "filenode": {
            "maxFileNodeDepth": None,
            "maxSizeFileNodeName": 255,
            "forbiddenNameChars": '/<>:"\\|?*',
            "forbiddenNodeNames": _NAMES_OF_DEVICES,
            "fileNodeQuerySortOptions": ["name", "size", "nodeType"],
            "mayCreateTopLevelFileNode": True,
            "caseInsensitiveNames": False,
            "webTrashUrl": None,
            "webUrlTemplate": None,
            "webWriteUrlTemplate": None,
        },
        "mail:share": {},
    }
    return {**{_urn(name): value for name, value in listed.items()}, "urn:stalwart:jmap": {}, _urn("emailpush"): {}}
