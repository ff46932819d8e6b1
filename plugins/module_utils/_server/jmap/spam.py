# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spam filter over JMAP: samples are objects, training is a task, judging an action."""

from __future__ import annotations

import typing as t

from ..._errors import InvalidOption, Refused
from ..models.spam import Classification, Sample, SpamTag
from ._call import Find, JmapCaller
from .accounts import account_id
from .tasks import JmapTask

_RUNS = ("train", "retrain")
#: The types of what a file of rules holds. The server adds what it has not, and leaves the rest alone.
_RULES = ("SpamRule", "SpamDnsblServer", "SpamTag", "SpamFileExtension", "HttpLookup", "MemoryLookupKey")


class JmapSpamFilter:
    """The port `SpamFilter` over JMAP."""

    def __init__(self, caller: JmapCaller) -> None:
        self._caller = caller

    def learns_at_once(self) -> bool:
        """Never."""
        return False

    def learn(self, message: bytes, *, spam: bool, account: str = "") -> None:
        """Two requests, four for an account, and one for the session once. The server does not check the account."""
        owner = {"accountId": account_id(self._caller, account)} if account else {}
        resource = f"account {account!r}" if account else "spam filter"
        blob_id = self._caller.upload(message, content_type="message/rfc822", resource=resource)
        self._caller.create("SpamTrainingSample", {"blobId": blob_id, "isSpam": spam, **owner}, resource=resource)

    def training(self) -> bool:
        """One request. A run that failed, or waits to be tried again, is none."""
        find = Find("Task", {"@type": "SpamFilterMaintenance"}, ("@type", "maintenanceType", "status"), "spam filter training", sort="due")
        tasks = self._caller.each(find)
        return any(task.get("maintenanceType") in _RUNS and (task.get("status") or {}).get("@type") == "Pending" for task in tasks)

    def start_training(self, *, from_scratch: bool = False) -> bool:
        """Two requests. False when one is under way."""
        if self.training():
            return False
        self._task("retrain" if from_scratch else "train", "spam filter training")
        return True

    def stop_training(self) -> bool:
        """Two requests. False when there is none."""
        if not self.training():
            return False
        self._task("abort", "spam filter training")
        return True

    def forget(self) -> None:
        """One request, and some while the server works."""
        self._task("reset", "spam filter training").finish()

    def update_rules(self, *, force: bool = False, overwrite: bool = False) -> str:
        """Some requests while the server fetches from the network. It only adds what it has not."""
        if overwrite:
            raise Refused("overwrite: servers since 0.16 add the rules that they have not, and never replace one; remove the option.")
        before = self.rules_version()
        self._task("updateRules", "spam filter rules").finish()
        after = self.rules_version()
        return after if after != before else ""

    def rules_version(self) -> str:
        """One request for each of six types. There is no version; how many there are changes with what is added."""
        return f"{sum(self._caller.count(Find(each, resource='spam filter rules')) for each in _RULES)} objects"

    def classify(self, sample: Sample) -> Classification:
        """One request, which changes nothing."""
        for option, given in (("ehlo_domain", sample.ehlo_domain), ("sender", sample.sender)):
            if not given:
                raise InvalidOption(option, "it is missing, and servers since 0.16 judge no message without it; give it.")
        value: dict[str, t.Any] = {
            "@type": "ClassifySpam",
            "message": sample.message,
            "remoteIp": sample.remote_ip,
            "ehloDomain": sample.ehlo_domain,
            "envFrom": sample.sender,
            "envRcptTo": dict.fromkeys(sample.recipients, True),
            "isTls": sample.tls,
        }
        if sample.authenticated_as:
            value["authenticatedAs"] = sample.authenticated_as
        found = self._caller.create("Action", value, resource="spam filter")
        result = str(found["result"])
        disposition: t.Literal["allow", "discard", "reject"] = "reject" if result == "reject" else "discard" if result == "discard" else "allow"
        tags = [
            # a tag without a score is told as one that rejects; one that does would have decided
            SpamTag(name=name, action="allow" if tag["disposition"] not in (result, "discard") else tag["disposition"], score=tag.get("score") or 0.0)
            for name, tag in (found.get("tags") or {}).items()
        ]
        return Classification(
            score=float(found.get("score") or 0.0),
            disposition=disposition,
            tags=tuple(sorted(tags, key=lambda tag: (-abs(tag.score), tag.name))),
        )

    def _task(self, kind: str, resource: str) -> JmapTask:
        return JmapTask(self._caller, {"@type": "SpamFilterMaintenance", "maintenanceType": kind}, resource=resource)
