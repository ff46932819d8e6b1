# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a name server of 127.0.0.1 and print its answers as JSON: ask.py PORT 'NAME TYPE'...

TXT records are joined, everything else is as zone files have it, and each answer is sorted.
"""

from __future__ import annotations

import json
import sys

import dns.message
import dns.query
import dns.rdatatype


def values(port: int, name: str, kind: str) -> list[str]:
    answer = dns.query.tcp(dns.message.make_query(name, kind), "127.0.0.1", port=port, timeout=30)
    rdatas = [rdata for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(kind) for rdata in rrset]
    return sorted(b"".join(rdata.strings).decode() if kind == "TXT" else rdata.to_text() for rdata in rdatas)


def main() -> None:
    port, questions = int(sys.argv[1]), [question.split() for question in sys.argv[2:]]
    print(json.dumps({f"{name} {kind}": values(port, name, kind) for name, kind in questions}))


if __name__ == "__main__":
    main()
