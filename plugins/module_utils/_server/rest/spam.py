# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spam filter over REST. From 0.15 on samples are collected and learned from in a run of their own; before it, at once."""

from __future__ import annotations

import typing as t

from ..._errors import Refused
from ..models.server import version_text
from ..models.spam import Classification, Sample, SpamTag
from ._call import RestCaller

_TRAINING_SINCE = (0, 15)


class RestSpamFilter:
    """The port `SpamFilter` over REST."""

    def __init__(self, caller: RestCaller) -> None:
        self._caller = caller

    def learns_at_once(self) -> bool:
        """Up to 0.14."""
        return self._caller.version() < _TRAINING_SINCE

    def learn(self, message: bytes, *, spam: bool, account: str = "") -> None:
        """One request, and one for the version. It is never sent twice, since a sample counts each time."""
        verb = "train" if self.learns_at_once() else "upload"
        path = ("spam-filter", verb, "spam" if spam else "ham", *((account,) if account else ()))
        named = f"account {account!r}" if account else "spam filter"
        self._caller.call("POST", *path, resource=named, content=message, content_type="message/rfc822", safe=False)

    def training(self) -> bool:
        """One request."""
        self._require_training()
        return bool(self._train("status"))

    def start_training(self, *, from_scratch: bool = False) -> bool:
        """One request. False when it runs already."""
        self._require_training()
        return bool(self._train("reset" if from_scratch else "start"))

    def stop_training(self) -> bool:
        """One request. False when it does not run."""
        self._require_training()
        return bool(self._train("stop"))

    def forget(self) -> None:
        """One request."""
        self._require_training()
        self._train("delete")

    def update_rules(self, *, force: bool = False, overwrite: bool = False) -> str:
        """One request, during which the server fetches from the network."""
        query = {name: "true" for name, given in (("force", force), ("overwrite", overwrite)) if given}
        return str(self._caller.call("GET", "update", "spam-filter", resource="spam filter rules", query=query or None, safe=False) or "")

    def rules_version(self) -> str:
        """One request."""
        return str(self._caller.call("GET", "settings", "keys", resource="settings", query={"keys": "version.spam-filter"}).get("version.spam-filter") or "")

    def classify(self, sample: Sample) -> Classification:
        """One request, which changes nothing."""
        body = {
            "message": sample.message,
            "remoteIp": sample.remote_ip,
            "ehloDomain": sample.ehlo_domain,
            "authenticatedAs": sample.authenticated_as or None,
            "isTls": sample.tls,
            "envFrom": sample.sender,
            "envFromFlags": sample.sender_flags,
            "envRcptTo": list(sample.recipients),
        }
        found = self._caller.call("POST", "spam-filter", "classify", resource="spam filter", body=body, safe=True)
        disposition = found["disposition"]
        tags = [SpamTag(name=name, action=tag["action"], score=tag.get("value", 0.0)) for name, tag in found["tags"].items()]
        return Classification(
            score=found["score"],
            disposition=disposition["action"],
            headers=disposition.get("value", ""),
            tags=tuple(sorted(tags, key=lambda tag: (-abs(tag.score), tag.name))),
        )

    def _train(self, request: str) -> t.Any:
        return self._caller.call("GET", "spam-filter", "train", request, resource="spam filter training", safe=True)

    def _require_training(self) -> None:
        if self.learns_at_once():
            version = version_text(self._caller.version())
            raise Refused(
                f"training runs exist from server 0.15 on, and this one is {version}, which learns from each message at once; use action: learn alone."
            )
