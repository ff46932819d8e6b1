"""SMTP listeners: port 25 and submission, with the server's recipient checks."""

from __future__ import annotations
