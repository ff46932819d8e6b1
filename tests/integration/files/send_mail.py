# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hand one message to the server under test: `send_mail.py PORT SENDER RECIPIENT,… [--login USER PASSWORD] [--file MESSAGE] [--subject TEXT]`."""

from __future__ import annotations

import argparse
import pathlib
import smtplib
import ssl


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("sender")
    parser.add_argument("recipients", type=lambda text: text.split(","))
    parser.add_argument("--login", nargs=2, metavar=("USER", "PASSWORD"))
    parser.add_argument("--file", type=pathlib.Path)
    parser.add_argument("--subject", default="A test")
    wanted = parser.parse_args()
    if wanted.file:
        text = wanted.file.read_text(encoding="utf-8")
    else:
        text = f"From: {wanted.sender}\nTo: {', '.join(wanted.recipients)}\nSubject: {wanted.subject}\nDate: Mon, 02 Nov 2026 10:00:00 +0000\n\nHello\n"
    with smtplib.SMTP("127.0.0.1", wanted.port, timeout=30) as client:
        client.ehlo("client.example.net")
        if client.has_extn("starttls"):
            client.starttls(context=ssl._create_unverified_context())  # a server under test has a certificate of its own
            client.ehlo("client.example.net")
        if wanted.login:
            client.login(*wanted.login)
        client.sendmail(wanted.sender, wanted.recipients, text.replace("\n", "\r\n"))


if __name__ == "__main__":
    main()
