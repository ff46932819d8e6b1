"""Where mail ends: blobs by their hash, and the mailboxes of accounts and groups."""

from __future__ import annotations

import base64
import binascii
import hashlib
import random
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from .. import errors
from .encryption import Encryption
from .schedule import seconds

if TYPE_CHECKING:
    from ..state import Server

# Inbox, Trash, Junk, Drafts and Sent: what every account has from its first mail or look-up on.
DEFAULT_MAILBOXES = 5
_CONTAINER_BYTES = {"contacts": 167, "calendar": 283}
_HEADER_POLICY = policy.default


def blob_id(digest: bytes) -> str:
    """A blob's hash as the API spells it: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def parse_blob_id(text: str) -> bytes:
    """Raises Problem 400 for what is no base64."""
    data = text.encode()
    try:
        if len(data) % 4 == 1 or data.endswith(b"="):
            raise ValueError
        decoded = base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise errors.bad_parameters("Base64 decoding failed") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != data:  # bits left over
        raise errors.bad_parameters("Base64 decoding failed")
    return decoded


@dataclass(slots=True)
class StoredMail:
    """A message in an account. ``size`` counts what delivery put ahead of it too."""

    document_id: int
    uid: int
    blob: bytes
    size: int
    received_at: int
    junk: bool = False


@dataclass(slots=True)
class DeletedMail:
    blob: bytes
    size: int
    deleted_at: int
    expires_at: int
    sender: str
    subject: str
    received_at: int


@dataclass(slots=True)
class Account:
    mail: list[StoredMail] = field(default_factory=list)
    deleted: list[DeletedMail] = field(default_factory=list)
    uid_validity: int = field(default_factory=lambda: random.getrandbits(32))
    next_document: int = 0
    next_uid: int = 1
    containers: dict[str, int] = field(default_factory=dict)
    mailboxes_made: bool = False


@dataclass(slots=True)
class Trainer:
    """The classifier's training: samples in the order they came, and how many of them it has learned from."""

    samples: list[tuple[bytes, bool]] = field(default_factory=list)
    learned: int = 0
    running: bool = False
    enough: int = 200


class MailStore:
    """Blobs and mailboxes, by account id."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._blobs: dict[bytes, bytes] = {}
        self._links: dict[bytes, set[tuple[str, int, int]]] = {}
        self._accounts: dict[int, Account] = {}
        self.trainer = Trainer()
        self.encryption: dict[int, Encryption] = {}
        server.directory.on_delete.append(self.destroy)

    # Blobs

    def put_blob(self, content: bytes, link: tuple[str, int, int]) -> bytes:
        """Keep content under its hash for ``link`` (what holds it, with two numbers); answers the hash."""
        digest = hashlib.blake2b(content, digest_size=32).digest()
        self._blobs[digest] = content
        self._links.setdefault(digest, set()).add(link)
        return digest

    def unlink_blob(self, digest: bytes, link: tuple[str, int, int]) -> None:
        self._links.get(digest, set()).discard(link)

    def blob(self, digest: bytes) -> bytes | None:
        return self._blobs.get(digest)

    def purge_blobs(self) -> None:
        """Drop what nothing holds any more; until then a blob stays readable, as on the server."""
        for digest in [digest for digest, links in self._links.items() if not links]:
            del self._links[digest], self._blobs[digest]

    # Mailboxes

    def account(self, account_id: int) -> Account:
        return self._accounts.setdefault(account_id, Account())

    def recalculate_quota(self, account_id: int) -> None:
        """Set the directory's figure to what is really there."""
        account = self.account(account_id)
        self._server.directory.set_used_quota(account_id, sum(mail.size for mail in account.mail) + sum(account.containers.values()))

    def open_container(self, account_id: int, index: str) -> None:
        """Make an account's first calendar or address book, as indexing it does; it counts, and carries the account's name."""
        principal = self._server.directory.by_id(account_id)
        account = self.account(account_id)
        if principal is not None and index in _CONTAINER_BYTES and index not in account.containers:
            account.containers[index] = _CONTAINER_BYTES[index] + len(principal.name.encode())
            self._server.directory.add_used_quota(account_id, account.containers[index])

    def add(self, account_id: int, content: bytes, headers: bytes, received_at: int, *, junk: bool = False) -> StoredMail:
        """File a message into the inbox or with the junk; ``headers`` are what delivery adds ahead of it."""
        account = self.account(account_id)
        digest = self.put_blob(content, ("mail", account_id, account.next_document))
        mail = StoredMail(account.next_document, account.next_uid, digest, len(headers) + len(content), received_at, junk)
        account.next_document += 1
        account.next_uid += 1
        account.mail.append(mail)
        self._server.directory.add_used_quota(account_id, mail.size)
        return mail

    def delete(self, account_id: int, mail: StoredMail, hold_seconds: int | None) -> None:
        """Remove one message; with ``hold_seconds`` it can be restored until then."""
        account = self.account(account_id)
        account.mail.remove(mail)
        self._server.directory.add_used_quota(account_id, -mail.size)
        self.unlink_blob(mail.blob, ("mail", account_id, mail.document_id))
        if hold_seconds is not None:
            now = int(self._server.now())
            parsed = message_from_bytes(self._blobs[mail.blob], policy=_HEADER_POLICY)
            self._links[mail.blob].add(("deleted", account_id, mail.document_id))
            account.deleted.append(
                DeletedMail(mail.blob, mail.size, now, now + hold_seconds, str(parsed["from"] or ""), str(parsed["subject"] or ""), mail.received_at)
            )

    def reset_uids(self, account_id: int) -> tuple[int, int]:
        """New UID validity and UIDs; answers how many mailboxes and messages that changed."""
        account = self.account(account_id)
        account.uid_validity = random.getrandbits(32)
        for uid, mail in enumerate(account.mail, 1):
            mail.uid = uid
        account.next_uid = len(account.mail) + 1
        # Early servers count the mailboxes that were ever looked at or purged; filing mail does not make them.
        made = account.mailboxes_made or self._server.at_least(0, 15)
        return DEFAULT_MAILBOXES if made else 0, len(account.mail)

    def purge(self, account_id: int) -> None:
        """Tidy up an account: junk that is old enough goes, in the paid edition into the store that it can be restored from."""
        account, live = self.account(account_id), self._server.settings.live
        account.mailboxes_made = True
        age = seconds(live.get("email.auto-expunge", "30d"))
        hold = seconds(live.get("storage.undelete.retention", "")) if self._server.enterprise else None
        for mail in [mail for mail in account.mail if mail.junk and age is not None and mail.received_at <= self._server.now() - age]:
            self.delete(account_id, mail, hold)

    def destroy(self, account_id: int, kind: str) -> None:
        """What deleting a principal does to its mail."""
        self.encryption.pop(account_id, None)
        account = self._accounts.pop(account_id, None)
        if account:
            for mail in account.mail:
                self.unlink_blob(mail.blob, ("mail", account_id, mail.document_id))

    # Training of the spam filter

    def add_sample(self, content: bytes, *, is_spam: bool) -> None:
        digest = self.put_blob(content, ("sample", len(self.trainer.samples), int(is_spam)))
        self.trainer.samples.append((digest, is_spam))
