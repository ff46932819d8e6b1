# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a mail server by MAIL and RCPT whether it takes a recipient, and print its answer: rcpt.py HOST PORT ADDRESS."""

from __future__ import annotations

import smtplib
import sys
import time


def main() -> None:
    """Print the status code of RCPT."""
    host, port, address = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    time.sleep(0.4)  # servers take five messages a second from one address
    with smtplib.SMTP(host, port, local_hostname="client.example.net", timeout=30) as mail:
        mail.ehlo("client.example.net")
        mail.mail("someone@ext.test")
        print(mail.rcpt(address)[0])


if __name__ == "__main__":
    main()
