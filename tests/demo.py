# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make demo`: the main job against a stand-in server, with Ansible's own output.

Bootstraps two mail domains, shows that a second run changes nothing, makes a change behind Ansible's back, finds exactly
that with --check --diff, and repairs it. Any step that goes wrong ends it with a status other than zero.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing as t

from tests.support.cases import environment
from tests.support.servers import ROOT, RunningServer, stand_in

PLAYBOOK = ROOT / "playbooks" / "bootstrap.yml"
VARIABLES = ROOT / "playbooks" / "vars" / "bootstrap_example.yml"
SECRETS = ROOT / "playbooks" / "vars" / "bootstrap_example_secrets.yml"
FOLDER = ROOT / ".cache" / "demo"
ZONES, KEYS = FOLDER / "zones", FOLDER / "secrets"

DRIFTED = "alice"
INTRUDER = "ceo@example.org"


class DemoFailed(Exception):
    """A step did not show what it has to show."""


def headline(text: str) -> None:
    """Announce a step."""
    print(f"\n\033[1m━━ {text} ━━\033[0m\n" if sys.stdout.isatty() else f"\n== {text} ==\n", flush=True)


def changed_tasks(record: pathlib.Path) -> list[dict[str, t.Any]]:
    """The results that are changes; the parts of loops, not their sums."""
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    changes = []
    for line in lines:
        for result in line["result"].get("results", [line["result"]]):
            if result.get("changed"):
                changes.append({"task": line["task"], **result})
    return changes


def bootstrap(server: RunningServer, folder: pathlib.Path, *arguments: str) -> list[dict[str, t.Any]]:
    """Run the playbook with its output shown, and return what changed."""
    record = folder / "results.jsonl"
    record.unlink(missing_ok=True)
    login = {"STALWART_URL": server.url, "STALWART_USER": server.user, "STALWART_PASSWORD": server.password}
    look = {"RECORD_RESULTS": str(record), "ANSIBLE_NOCOLOR": "0" if sys.stdout.isatty() else "1", "ANSIBLE_FORCE_COLOR": str(int(sys.stdout.isatty()))}
    command = [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,"]
    command += ["-e", "ansible_python_interpreter={{ansible_playbook_python}}"]
    command += ["-e", f"@{VARIABLES}", "-e", f"@{SECRETS}", "-e", f"mail_zone_directory={ZONES}", "-e", f"mail_secret_directory={KEYS}"]
    command += ["--diff", *arguments, str(PLAYBOOK)]
    print(f"$ ansible-playbook {' '.join(['--diff', *arguments])} -e @vars/{VARIABLES.name} -e @vars/{SECRETS.name} stalwart.mail.bootstrap", flush=True)
    done = subprocess.run(command, cwd=folder, env=environment(**login, **look), stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"the playbook ended with status {done.returncode}")
    return changed_tasks(record)


def found_account(server: RunningServer) -> dict[str, t.Any]:
    """The drifted account of a server with objects."""
    (found,) = server.jmap(("Account/get", {"ids": None}))
    return next(account for account in found["list"] if account["name"] == DRIFTED)


def add_address(server: RunningServer) -> None:
    """The drift, made past Ansible, and how one does that by hand."""
    if not server.has_objects:
        server.api("PATCH", f"principal/{DRIFTED}", [{"action": "addItem", "field": "emails", "value": INTRUDER}])
        print(f'$ curl -X PATCH {server.url}/api/principal/{DRIFTED} -d \'[{{"action":"addItem","field":"emails","value":"{INTRUDER}"}}]\'')
        return
    account = found_account(server)
    patch = {f"aliases/{len(account['aliases'])}": {"name": INTRUDER.partition("@")[0], "domainId": account["domainId"]}}
    server.jmap(("Account/set", {"update": {account["id"]: patch}}))
    print(f"$ curl {server.url}/jmap -d '{{...x:Account/set {json.dumps(patch)}...}}'")


def addresses(server: RunningServer) -> list[str]:
    """Those of the drifted account, as far as they are in its own domain."""
    if not server.has_objects:
        return list(server.api("GET", f"principal/{DRIFTED}")["emails"])
    account = found_account(server)
    domain = account["emailAddress"].partition("@")[2]
    return [account["emailAddress"], *(f"{alias['name']}@{domain}" for alias in account["aliases"].values())]


def existing(server: RunningServer) -> dict[str, list[str]]:
    """The names of what exists, by type."""
    if server.has_objects:
        labels = [("Domain", "domain", "name"), ("Account", "", "emailAddress"), ("MailingList", "list", "emailAddress")]
        labels += [("Role", "role", "description"), ("DkimSignature", "DKIM key", "selector")]
        answers = server.jmap(*((f"{name}/get", {"ids": None}) for name, _, _ in labels))
        domains = {found["id"]: found["name"] for found in answers[0]["list"]}
        kinds: dict[str, list[str]] = {}
        for (_, label, naming), answer in zip(labels, answers, strict=True):
            for found in answer["list"]:
                kind = label or {"User": "individual", "Group": "group"}[found["@type"]]
                of = f"._domainkey.{domains[found['domainId']]}" if kind == "DKIM key" else ""
                kinds.setdefault(kind, []).append(found[naming] + of)
                for login in (found.get("credentials") or {}).values():
                    if login["@type"] == "ApiKey":
                        kinds.setdefault("apiKey", []).append(f"{found[naming]}/{login['description']}")
        return kinds
    by_type: dict[str, list[str]] = {}
    for principal in server.api("GET", "principal", limit=0)["items"]:
        by_type.setdefault(principal["type"], []).append(principal["name"])
    signatures = server.api("GET", "settings/group", prefix="signature", suffix="selector")["items"]
    return {**by_type, "DKIM key": sorted(signature["_id"] for signature in signatures)}


def summary(server: RunningServer) -> None:
    """What exists now, as the server itself says."""
    by_type = existing(server)
    for kind in ("domain", "individual", "group", "list", "role", "apiKey", "DKIM key"):
        if kind in by_type:
            print(f"  {kind:<11} {', '.join(by_type[kind])}")
    for zone in sorted(ZONES.glob("*.zone")):
        print(f"  {'zone file':<11} {os.path.relpath(zone, ROOT)} ({len(zone.read_text(encoding='utf-8').splitlines())} lines)")
    for key in sorted(KEYS.glob("*.key")):
        print(f"  {'secret':<11} {os.path.relpath(key, ROOT)}")


def demo(server: RunningServer, folder: pathlib.Path) -> None:
    """All steps. Raises DemoFailed."""
    headline("1. Bootstrap two mail domains on an empty server")
    if not bootstrap(server, folder):
        raise DemoFailed("an empty server was bootstrapped without a change")

    headline("2. The same again: nothing to change")
    again = bootstrap(server, folder)
    if again:
        raise DemoFailed(f"the second run changed something: {', '.join(change['task'] for change in again)}")

    headline(f"3. Behind Ansible's back, somebody gives {DRIFTED} the address {INTRUDER}")
    add_address(server)

    headline("4. A dry run finds exactly this drift")
    drift = [change for change in bootstrap(server, folder, "--check") if change.get("operations")]
    name = found_account(server)["emailAddress"] if server.has_objects else DRIFTED
    if [change["operations"] for change in drift] != [[{"resource": "principal", "name": name, "action": "update", "fields": ["emails"]}]]:
        raise DemoFailed(f"the dry run found {[change.get('operations') for change in drift]}")
    if INTRUDER not in addresses(server):
        raise DemoFailed("the dry run changed the server")

    headline("5. A real run repairs it")
    if not bootstrap(server, folder):
        raise DemoFailed("nothing was repaired")
    if INTRUDER in addresses(server):
        raise DemoFailed(f"{DRIFTED} still has {INTRUDER}")
    if bootstrap_is_needed(server, folder):
        raise DemoFailed("the repaired server still differs")

    headline("What exists now")
    summary(server)
    print(
        f"""
Next: read {VARIABLES.relative_to(ROOT)}, write your own, and run it against your server:

  export STALWART_URL=https://mail.example.org STALWART_USER=admin STALWART_PASSWORD=...
  ansible-playbook stalwart.mail.bootstrap -e @my_domains.yml --check --diff
"""
    )


def bootstrap_is_needed(server: RunningServer, folder: pathlib.Path) -> bool:
    """Whether a dry run would still change something."""
    print()
    return bool(bootstrap(server, folder, "--check"))


def main() -> int:
    """Run the demo against the stand-in of the version in SERVER."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    version = os.environ.get("SERVER", "0.15.5")
    with tempfile.TemporaryDirectory() as folder, stand_in(version) as server:
        print(f"A stand-in of Stalwart {version} answers at {server.url}.")
        try:
            demo(server, pathlib.Path(folder))
        except DemoFailed as failure:
            print(f"\nThe demo failed: {failure}.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
