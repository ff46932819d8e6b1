"""A mail server's management side, in memory, for tests: ``python -m tests.stand_in --port N``.

It answers as a real server of the version asked for does (0.13 to 0.15), its traps included. What it answers is held to recordings of real
servers in ``tests/conformance``.
"""
