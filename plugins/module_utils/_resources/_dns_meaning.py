# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What records mean, however they are written: TXT records that are tag lists, SPF policies, and when two say the same."""

from __future__ import annotations

import re
import typing as t

from .dns_records import is_spf, merge_spf

#: SPF evaluation ends with an error after so many terms that need a look-up (RFC 7208, 4.6.4).
MOST_SPF_LOOKUPS = 10

_VERSIONS = {"v=dkim1": "dkim", "v=dmarc1": "dmarc", "v=stsv1": "mta_sts", "v=tlsrptv1": "tlsrpt", "v=uaac1": "autoconfig"}

#: Tags whose value is the same as their absence.
_DEFAULTS = {
    "dkim": {"v": "DKIM1", "k": "rsa", "s": "*", "t": "", "n": ""},
    "dmarc": {"pct": "100", "adkim": "r", "aspf": "r", "ri": "86400", "fo": "0", "rf": "afrf"},
}


def tags(value: str) -> dict[str, str]:
    """The tags of a DKIM, DMARC or similar record in their order, names in lower case; parts without `=` are left out."""
    found: dict[str, str] = {}
    for part in value.split(";"):
        name, equals, text = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), text.strip())
    return found


def written_tags(found: t.Mapping[str, str]) -> str:
    """A tag list as servers write it."""
    return "; ".join(f"{name}={value}" for name, value in found.items())


def kind_of_text(value: str, fqdn: str) -> str:
    """What a TXT value is: spf, dkim, dmarc, mta_sts, tlsrpt, autoconfig, or "" for anything else, which others own.

    The name matters for DKIM alone, whose version is optional (RFC 6376, 3.6.1).
    """
    if is_spf(value):
        return "spf"
    start = re.sub(r"\s", "", value[:30].partition(";")[0]).lower()
    if start in _VERSIONS:
        return _VERSIONS[start]
    return "dkim" if "._domainkey." in f".{fqdn}" and "p" in tags(value) else ""


def meaning(kind: str, value: str, fqdn: str) -> object:
    """What two records of a name and type have in common when they say the same. `kind` is the record type, values are parsed ones."""
    if kind != "TXT":
        return value
    text_kind = kind_of_text(value, fqdn)
    if text_kind == "spf":
        return ("spf", *sorted(_spf_terms(value).items()), _spf_all(value))
    if text_kind:
        found = tags(value)
        if text_kind == "dkim":
            found = {name: re.sub(r"\s", "", text) for name, text in found.items()}
            found.pop("h", None)  # which hashes are allowed, all by default; RFC 8301 leaves sha256 only
        defaults = _DEFAULTS.get(text_kind, {})
        found = {name: _tag_meaning(name, text) for name, text in found.items() if defaults.get(name) != text.strip()}
        return (text_kind, *sorted(found.items()))
    return value


def _tag_meaning(name: str, text: str) -> str:
    if name in ("rua", "ruf"):
        return ",".join(sorted(part.strip().lower() for part in text.split(",")))
    return text.lower() if name in ("p", "sp", "np", "adkim", "aspf", "v") and len(text) < 20 else text


def same_meaning(kind: str, one: str, other: str, fqdn: str) -> bool:
    """Whether two values of a record set say the same."""
    return one == other or meaning(kind, one, fqdn) == meaning(kind, other, fqdn)


# -- SPF -------------------------------------------------------------------------------------------------------------


def _spf_terms(value: str) -> dict[str, str]:
    """Mechanisms but `all`, by name and argument, with their qualifier; modifiers by name, with their value."""
    terms: dict[str, str] = {}
    for term in value.split()[1:]:
        lower = term.lower()
        modifier = re.match(r"([a-z][a-z0-9_.-]*)=(.*)", lower)
        if modifier:
            terms.setdefault(f"{modifier[1]}=", modifier[2])
        elif lower.lstrip("+-~?") != "all":
            name = lower.lstrip("+-~?")
            terms.setdefault(name, lower[0] if lower[0] in "-~?" else "+")
    return terms


def _spf_all(value: str) -> str:
    return next((term.lower().replace("+all", "all") for term in value.split()[1:] if term.lower().lstrip("+-~?") == "all"), "")


def spf_allows(policy: str, wanted: str) -> bool:
    """Whether a policy lets all pass that the wanted one does: it has every mechanism, and none of them only softer."""
    has = _spf_terms(policy)
    return all(has.get(name) == "+" for name, qualifier in _spf_terms(wanted).items() if not name.endswith("=") and qualifier == "+")


def merged_spf(found: t.Sequence[str], wanted: str) -> str:
    """One policy that allows what the found ones and the wanted one allow. With one found that has it all, that one as it is written.

    What the found ones say of everybody else stays (`~all`, a redirect, or nothing); only without any found one the wanted `all` counts.
    """
    if not found:
        return wanted
    if len(found) == 1 and spf_allows(found[0], wanted):
        return found[0]
    additions = "v=spf1 " + " ".join(term for term in wanted.split()[1:] if term.lower().lstrip("+-~?") != "all" and not term.lower().startswith("redirect="))
    return merge_spf([*found, additions])


#: Gives the SPF policy of a domain, "" where it has none; None where it could not be found out.
PolicyOf = t.Callable[[str], "str | None"]


def spf_lookups(policy: str, policy_of: PolicyOf = lambda _domain: None) -> int:
    """How many look-ups the evaluation of a policy takes at most, with those of the policies that it includes.

    Policies that can't be found out count as the one look-up that finds them.
    """
    return _spf_lookups(policy, policy_of, frozenset())


def _spf_lookups(policy: str, policy_of: PolicyOf, within: frozenset[str]) -> int:
    count = 0
    for term in policy.lower().split()[1:]:
        name, separator, argument = re.sub(r"^[+~?-]", "", term).partition("=" if term.startswith("redirect=") else ":")
        name = name.partition("/")[0]
        if name not in ("include", "a", "mx", "ptr", "exists", "redirect"):
            continue
        count += 1
        if name in ("include", "redirect") and separator and "%" not in argument and argument not in within and count <= MOST_SPF_LOOKUPS:
            below = policy_of(argument)
            if below:
                count += _spf_lookups(below, policy_of, within | {argument})
    return count
