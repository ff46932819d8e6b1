# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port: what a mail server can be asked and told. Each API generation has one adapter that speaks it.

Methods raise the errors of `_errors`. None of them decides anything: what is wanted, and whether it may be done, is
settled above.
"""

from __future__ import annotations

import datetime as dt
import typing as t

if t.TYPE_CHECKING:
    from .._errors import StalwartError
    from .models.account import Encryption, LoginChange, Logins, Token
    from .models.diagnosis import DeliveryEvent, DmarcCheck, LogEntry, Metric, TraceEvent
    from .models.dns import Algorithm, DnsRecord, Signature
    from .models.objects import CreatedObject, FoundObject, ObjectType
    from .models.objects import Edit as ObjectEdit
    from .models.principal import Edit, Principal, PrincipalType, PrincipalWrite
    from .models.queue import QueuedMessage, QueuedRecipient, QueueFilter
    from .models.reports import Direction, Report, ReportKind
    from .models.server import About, ReloadPart, ReloadReport
    from .models.spam import Classification, Sample
    from .models.store import DeletedItem, LookupKind, Restored, SearchIndex


class Principals(t.Protocol):
    """Domains, accounts, groups, lists, roles, tenants and keys: one name space."""

    @property
    def names_are_addresses(self) -> bool:
        """Whether individuals, groups and lists are named by their primary address. A name without domain then stands for one with it."""

    @property
    def guards_references(self) -> bool:
        """Whether the server deletes nothing that others refer to, and lets nothing of a tenant refer to what is not of it."""

    @property
    def tells_hashes(self) -> bool:
        """Whether stored passwords can be read (as hashes); else a mask stands in their place."""

    @property
    def makes_keys(self) -> bool:
        """Whether the server makes the secrets of API keys and app passwords by itself, and takes none of ours."""

    @property
    def batch_size(self) -> int:
        """How many writes are best sent together; 1 where several at a time are as good."""

    def get(self, name: str, *, kind: PrincipalType | None = None, unambiguous: bool = False) -> Principal | None:
        """The principal of exactly this (lower-case) name, or None. `kind` tells which is meant where a server may have several of a name.

        A name without domain may fit several mailboxes where `names_are_addresses`; that is refused if it shall be `unambiguous`.
        """

    def find(self, *, types: t.Collection[PrincipalType] = (), text: str = "", fields: t.Collection[str] = ()) -> t.Iterator[Principal]:
        """All of these types, in the server's order, a page at a time. `text` narrows the search as the server does: whole words, never
        trusted to be exact. `fields` are what the caller will look at; others may be left empty."""

    def create(self, principal: Principal) -> str:
        """Create it with all its fields. Groups, lists, roles and domains it names must exist.

        An API key without a secret gets one, which is told as what one logs in with; else "" is told.
        """

    def update(self, principal: Principal, edits: t.Sequence[Edit]) -> None:
        """Apply all edits to the found principal, or none of those that it holds itself."""

    def delete(self, principal: Principal) -> None:
        """Delete it; an account's mail goes with it."""

    def deploy(self, principal: Principal) -> str:
        """Create it beside an external directory, which the server would otherwise refuse."""

    def write(self, writes: t.Sequence[PrincipalWrite]) -> list[str | StalwartError]:
        """All of them in as few requests as can be. For each what `create` tells, or why it failed; none of them may need another."""

    def expected(self, found: Principal | None, after: Principal) -> Principal:
        """As the server will have it when it is told to have `after`: with what it adds, and without texts that it has no place for.

        Raises Refused where it would be something else without what there is no place for.
        """

    def known_permissions(self, names: t.Collection[str]) -> t.Collection[str]:
        """Which permissions there are: these, where the server knows them all, else all that it knows; empty where that can't be told."""

    def permissions_meant(self, name: str) -> t.Sequence[str]:
        """The permissions that a playbook means by a name, which may be one of another generation; () for what has no meaning here."""

    def other_users(self, principal: Principal) -> t.Sequence[str]:
        """What else than principals refers to it, in words; looked for only where the server `guards_references`."""

    def default_domain(self) -> str:
        """The domain of names without one, where `names_are_addresses`."""

    def note(self, name: str) -> str:
        """What was noted about a principal, else "". Raises PermissionDenied for a login that may not look."""

    def keep_note(self, name: str, text: str) -> None:
        """Note something about a principal of this name, out of sight of its owner."""

    def forget_note(self, name: str) -> None:
        """Remove the note."""


class Signatures(t.Protocol):
    """DKIM keys."""

    def find(self, domains: t.Collection[str] = ()) -> list[Signature]:
        """The signatures of these domains, of all when none is named, in the order of their ids."""

    def signing_id(self, domain: str, algorithm: Algorithm) -> str:
        """The id under which a key of this algorithm signs mail of the domain by the server's default rule."""

    def require_id(self, signature: Signature, found: t.Iterable[Signature]) -> None:
        """Raise Refused where this server could not keep a new signature under its id beside those found. Changes nothing."""

    def generate(self, signature: Signature) -> None:
        """Make a new key under a new id."""

    def store(self, signature: Signature) -> None:
        """Store a key of ours under a new id; without a private key one that the server has under another id of this domain."""

    def replace(self, signature: Signature) -> None:
        """Give the signature of this id another key and selector, both at once; whatever else is set about it stays. Keys as for `store`."""

    def delete(self, signature: Signature) -> None:
        """Remove the signature and nothing else."""

    def switch(self, active: Signature, pending: Signature) -> None:
        """Let the pending key sign in place of the active one, which is kept as the retiring one, `next_transition` yet unknown.

        In one step, or at worst with a moment in which both sign: what signs is at every moment one of the two. The pending signature may be
        left behind, with the key of what is now the active one; it is then to be deleted.
        """

    def live_at_once(self) -> bool:
        """Whether what is written signs at once; else after a reload. No request."""

    def note(self, signature: Signature) -> None:
        """Keep `stage`, `next_transition` and, unless the server knows that itself, `created` of a found signature; nothing else about it."""

    def automatic(self, domains: t.Collection[str]) -> t.Collection[str]:
        """Those of the domains whose keys the server makes and rotates by itself."""

    def take_over(self, domain: str) -> None:
        """Let the server leave the keys of the domain to us from now on; those that there are stay."""


class Settings(t.Protocol):
    """The server's configuration as flat string keys."""

    def read(self, *, keys: t.Collection[str] = (), prefixes: t.Collection[str] = ()) -> dict[str, str]:
        """These keys, and all keys equal to a prefix or below it (`PREFIX.`), with their full names. The prefix "" is everything."""

    def groups(self, prefix: str, having: str) -> t.Iterator[tuple[str, dict[str, str]]]:
        """The records below a prefix that have the key `having`: the id of each, and its keys without prefix and id."""

    def insert(self, values: t.Mapping[str, str]) -> None:
        """Write keys, in slices; not atomic."""

    def delete(self, keys: t.Sequence[str]) -> None:
        """Remove exactly these keys."""

    def fresh(self) -> t.Mapping[str, str]:
        """What a server of this kind writes into its settings by itself."""

    def is_local(self, key: str, local_keys: t.Sequence[str]) -> bool:
        """Whether a key lives in the server's own file, where writing rewrites that file. `local_keys` as `local_key_patterns` gave them."""

    def local_key_patterns(self) -> list[str]:
        """The patterns that make a key local on this server."""


class Objects(t.Protocol):
    """Whatever else a server has, by the types of its own schema. Raises Refused where servers have no such schema.

    Values go in and come out as `models.objects` spells them. `account` names whose objects are meant where they belong to an account.
    """

    def type_names(self) -> t.Sequence[str]:
        """The types there are."""

    def type(self, name: str) -> ObjectType | None:
        """What is known of a type, or None."""

    def find(self, wanted: ObjectType, where: t.Mapping[str, t.Any] | None = None, *, account: str = "") -> list[FoundObject]:
        """All objects of a type; of a singleton the one. `where` may narrow, but is no promise: compare."""

    def find_all(self, finds: t.Sequence[tuple[ObjectType, t.Mapping[str, t.Any]]], *, account: str = "") -> list[list[FoundObject]]:
        """As `find`, for several types at once."""

    def matching(self, wanted: ObjectType, filter: t.Mapping[str, t.Any], *, account: str = "") -> list[FoundObject]:
        """The objects that a filter of the server's own finds."""

    def get(self, wanted: ObjectType, ids: t.Collection[str], *, account: str = "") -> list[FoundObject]:
        """The objects of these ids that there are."""

    def users(self, wanted: ObjectType, object_id: str) -> list[tuple[str, str]]:
        """Types and ids of what refers to an object, for which the server keeps it."""

    def resolve(self, target: str, text: str) -> str | None:
        """The one spelling of a reference to an object of the target type, or None where there is no such object. Raises Refused for a name of several."""

    def create(self, wanted: ObjectType, values: t.Mapping[str, t.Any], *, account: str = "") -> CreatedObject:
        """Create an object with these values; all others have their defaults."""

    def update(self, wanted: ObjectType, object_id: str, edits: t.Sequence[ObjectEdit], *, account: str = "") -> None:
        """Make all edits, or none."""

    def destroy(self, wanted: ObjectType, object_id: str, *, account: str = "") -> None:
        """Destroy an object. Raises NotFound, and InUse where others refer to it."""

    def create_all(self, wanted: ObjectType, values: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """As `create` for many. Raises PartlyDone where only some of them were made."""

    def destroy_all(self, wanted: ObjectType, ids: t.Sequence[str]) -> None:
        """As `destroy` for many; one that is gone is no error. Raises PartlyDone where only some of them were removed."""


class Queue(t.Protocol):
    """Mail on its way out."""

    def running(self) -> bool | None:
        """Whether the server says that it delivers; None where it does not tell."""

    def pause(self) -> None:
        """Let all mail wait, that to local mailboxes too. Takes a moment."""

    def resume(self) -> None:
        """Let it run again. Whether mail really leaves is not told: `wake` it where that does not happen by itself."""

    def wake(self, message: QueuedMessage) -> None:
        """Make the server look at its queue; `message` is one that waits, and stays as it is."""

    def get(self, message_id: str) -> QueuedMessage | None:
        """One message, or None."""

    def find(self, wanted: QueueFilter) -> t.Iterator[QueuedMessage]:
        """The messages that match exactly, oldest first, a page at a time."""

    def count(self, wanted: QueueFilter) -> int:
        """How many messages match."""

    def retry(self, message_id: str, at: dt.datetime | None, recipients: t.Collection[str] = ()) -> None:
        """Move the next attempt to a time to come, or to now; of these recipients (parts of addresses), or of all that wait.

        Servers may say yes and do nothing: read again. A message that is gone is no error.
        """

    def cancel(self, message_id: str, recipients: t.Collection[str] = ()) -> None:
        """Give up a message, or only these recipients (parts of addresses). Servers may say yes and do nothing: read again.

        A message that is gone is no error.
        """

    def selects_exactly(self, wanted: QueueFilter) -> bool:
        """Whether `retry_all` and `cancel_all` would act on exactly what the filter means."""

    def retry_all(self, wanted: QueueFilter, at: dt.datetime | None) -> None:
        """As `retry`, for all that match; in the background."""

    def cancel_all(self, wanted: QueueFilter) -> None:
        """As `cancel`, for all that match; in the background. The queue may have to be woken afterwards."""

    def keeps_edits(self, recipient: QueuedRecipient) -> bool:
        """False where servers of this generation are known to drop a new time, or the cancellation of one recipient."""

    def longest_life(self) -> dt.timedelta:
        """How long a message may wait for delivery at most, by the schedules of the server."""


class Reports(t.Protocol):
    """What servers said of each other's mail."""

    def find(self, kind: ReportKind, direction: Direction, *, text: str = "") -> t.Iterator[str]:
        """Ids, a page at a time, newest first where the server sorts. `text` narrows: incoming reports by any of their texts, outgoing ones by domain."""

    def get(self, kind: ReportKind, direction: Direction, report_id: str) -> Report | None:
        """One report, or None."""

    def delete(self, kind: ReportKind, direction: Direction, report_id: str) -> None:
        """Delete it. One that is gone is no error."""

    def delete_all(self, kind: ReportKind, direction: Direction, *, text: str = "") -> None:
        """Delete all that `find` would tell; in the background."""


class Background(t.Protocol):
    """Work that the server does in the background."""

    def done(self) -> bool:
        """Whether it is finished. Raises ServerFault, with the server's reason, where it failed."""


class Stores(t.Protocol):
    """Maintenance of what the server stores. Where it works in the background and tells when it is done, the work is returned."""

    def tells_end(self) -> bool:
        """Whether this server tells when work in the background is done."""

    def purge_blobs(self) -> Background | None:
        """Remove blobs that nothing refers to."""

    def purge_data(self, store: str = "") -> Background | None:
        """Remove what has expired from a data store."""

    def purge_lookups(self, store: str = "", kind: LookupKind | None = None, account: str = "") -> Background | None:
        """Remove what has expired from an in-memory store, or all entries of a kind (of one account where the kind has that)."""

    def exists(self, store: str) -> bool:
        """Whether there is a store of this id, or whether that can't be told."""

    def require_lookup_kind(self, kind: LookupKind) -> None:
        """Raise Refused where this server does not know the kind. Changes nothing."""

    def purge_accounts(self, account: str = "") -> Background | None:
        """Remove what has expired from an account, or from all."""

    def reindex(self, index: SearchIndex | None, account: str = "") -> Background | None:
        """Build a search index anew, for an account or for all."""

    def require_index(self, index: SearchIndex | None) -> None:
        """Raise Refused or InvalidOption where this server can't rebuild that index. Changes nothing."""

    def used_quota(self, account: str) -> int:
        """Bytes that an account uses. Raises NotFound."""

    def recalculate_quota(self, account: str) -> int:
        """Count them anew, and tell them."""

    def reset_uids(self, account: str) -> tuple[int, int] | None:
        """Give all mailboxes new UIDs, so that every client loads everything again. Tells how many mailboxes and messages there were, if known."""

    def blob(self, blob_id: str) -> bytes:
        """A blob's content. Raises NotFound."""

    def deleted(self, account: str) -> t.Iterator[DeletedItem]:
        """What the account deleted and can have back (paid edition)."""

    def restore(self, account: str, items: t.Sequence[DeletedItem]) -> list[Restored]:
        """Give it back, in the order given (paid edition)."""


class SpamFilter(t.Protocol):
    """Training and trying the spam filter."""

    def learns_at_once(self) -> bool:
        """Whether `learn` is all there is; else samples are collected, and a training run learns from them."""

    def learn(self, message: bytes, *, spam: bool, account: str = "") -> None:
        """Take a message as an example, for one account or for all. Raises NotFound for an unknown account."""

    def training(self) -> bool:
        """Whether a training run is under way. Raises Refused where there are none, as the next ones do."""

    def start_training(self, *, from_scratch: bool = False) -> bool:
        """Start a run, or tell False when one is under way. From scratch, all samples are learned from again."""

    def stop_training(self) -> bool:
        """Stop the run, or tell False when there is none."""

    def forget(self) -> None:
        """Delete what was learned."""

    def update_rules(self, *, force: bool = False, overwrite: bool = False) -> str:
        """Fetch the rules. Tells the version that was installed, or nothing when they were current."""

    def rules_version(self) -> str:
        """The version of the installed rules, empty when unknown."""

    def classify(self, sample: Sample) -> Classification:
        """What the filter would make of a message. Changes nothing."""


class Diagnosis(t.Protocol):
    """Tests that change nothing, and the log."""

    def delivery(self, target: str, *, step_limit: float, limit: float) -> t.Iterator[DeliveryEvent]:
        """Try a delivery to an address or domain without sending mail, for at most `limit` seconds; the last event is "completed" if it came so far."""

    def dmarc(self, *, remote_ip: str, ehlo_domain: str, sender: str, message: str) -> DmarcCheck:
        """What DMARC makes of a message from there; of an empty one when none is given."""

    def token(self) -> str:
        """A login for delivery tests that holds for a minute."""

    def logs(self, *, text: str = "", page_size: int = ...) -> t.Iterator[LogEntry]:
        """Lines that hold the text, newest first, a page at a time."""


class Telemetry(t.Protocol):
    """Metrics and traces (paid edition)."""

    def metrics(self, *, after: dt.datetime | None = None, before: dt.datetime | None = None) -> list[Metric]:
        """Stored metrics."""

    def live_metrics(self, *, names: t.Sequence[str], interval: float, limit: float) -> t.Iterator[list[Metric]]:
        """The present values, again each `interval` seconds, for at most `limit` seconds."""

    def traces(
        self,
        *,
        event_type: str = "",
        text: str = "",
        queue_id: str = "",
        after: dt.datetime | None = None,
        before: dt.datetime | None = None,
    ) -> t.Iterator[str]:
        """Ids of stored traces, newest first, a page at a time."""

    def trace(self, trace_id: str) -> list[TraceEvent]:
        """The events of one trace; none for an id that there is not."""

    def live_traces(self, *, text: str, limit: float) -> t.Iterator[TraceEvent]:
        """Events as they happen, for at most `limit` seconds."""

    def token(self, stream: t.Literal["metrics", "traces"]) -> str:
        """A login for a live stream that holds for a minute."""


class Account(t.Protocol):
    """The account that the login belongs to, and what it may do for itself."""

    @property
    def name(self) -> str:
        """The name it logs in with; "" for a token."""

    @property
    def code(self) -> str:
        """The one-time code at the end of the given password; "" when there is none."""

    def uses(self, password: str) -> bool:
        """Whether this is the password given for the login, with or without a one-time code."""

    def with_login(self, *, password: str = "", code: str = "") -> Account:
        """The same account with another password and one-time code; without a password the given one without its code. A token stays. Sends nothing."""

    def logins(self) -> Logins:
        """How the account logs in. Raises OneTimeCodeMissing where the password is right and a code is wanted."""

    def require_possible(self, change: LoginChange) -> None:
        """Raise Refused where this server can't make such a change. Changes nothing."""

    def change_logins(self, found: Logins, change: LoginChange) -> dict[str, str]:
        """Make the change, all of it or nothing, and keep the rest of what was found. Tells the app passwords that were made, by name."""

    def is_fallback_administrator(self) -> bool:
        """Whether this is the administrator of the settings, who has a password only, which is live after a reload."""

    def encryption(self) -> Encryption | None:
        """Encryption at rest, None when it is off."""

    def set_encryption(self, encryption: Encryption | None) -> None:
        """Switch it on as told, or off."""

    def require_spam_training_choice(self) -> None:
        """Raise Refused where this server has no say in whether the spam filter learns from mail that is then encrypted. Changes nothing."""


class OAuth(t.Protocol):
    """Codes and tokens for other programs, which then act as the account of the login."""

    def code(self, *, client_id: str, redirect_uri: str, nonce: str) -> str:
        """A new authorization code, which holds for some minutes and for one exchange."""

    def exchange(self, code: str, *, client_id: str, redirect_uri: str) -> Token:
        """The token for a code of the same client and address."""

    def approve_device(self, user_code: str) -> bool:
        """Let the device in that shows this code; False where none waits with it."""


class Server(t.Protocol):
    """One mail server."""

    @property
    def generation(self) -> t.Literal["rest", "jmap"]:
        """Whether it has settings by free keys (rest), or objects of its own schema (jmap)."""

    @property
    def principals(self) -> Principals:
        """Domains, accounts, groups, …"""

    @property
    def signatures(self) -> Signatures:
        """DKIM keys."""

    @property
    def settings(self) -> Settings:
        """Configuration."""

    @property
    def objects(self) -> Objects:
        """Whatever else there is, by the types of the server's own schema."""

    @property
    def queue(self) -> Queue:
        """Mail on its way out."""

    @property
    def reports(self) -> Reports:
        """What servers said of each other's mail."""

    @property
    def stores(self) -> Stores:
        """Store maintenance, blobs, deleted items."""

    @property
    def spam_filter(self) -> SpamFilter:
        """Training and trying the spam filter."""

    @property
    def diagnosis(self) -> Diagnosis:
        """Tests of deliveries and of DMARC, and the log."""

    @property
    def telemetry(self) -> Telemetry:
        """Metrics and traces."""

    @property
    def account(self) -> Account:
        """The account of the login."""

    @property
    def oauth(self) -> OAuth:
        """Codes and tokens for other programs."""

    def update_webadmin(self) -> None:
        """Let the server fetch its web administration anew."""

    def own_names(self) -> t.Collection[str]:
        """Names of the principals that this login is: what a purge must never remove."""

    def dns_records(self, domain: str) -> list[DnsRecord]:
        """What the server wants published for a domain, known or not."""

    def publishing(self, domains: t.Collection[str]) -> list[str]:
        """Those of the domains whose records the server publishes at a DNS provider by itself."""

    def reload(self, *, part: ReloadPart = "all", dry_run: bool = False) -> ReloadReport:
        """Make settings live and forget cached recipients, or only check. With any error nothing is applied.

        A part is reloaded whatever errors there are elsewhere; it can't be checked by itself.
        """

    def about(self) -> About:
        """Version, edition and the caller's permissions, as far as the login may know."""

    def version(self) -> tuple[int, ...]:
        """The version, asked once and only here, or as the option server_version says."""

    def own_address(self) -> str:
        """The address from which this machine spoke with the server last, as far as it is known here, else ""."""

    def healthy(self, *, ready: bool) -> bool:
        """Whether the health page answers well. Needs no login, and is asked once. Raises ConnectionFailed."""
