"""``python -m tests.stand_in --port N …``: runs one server in the foreground until it is told to end."""

from __future__ import annotations

import argparse
import pathlib

import uvicorn

from .app import Application
from .mail.resolver import Resolver
from .state import Ports, Server, parse_version


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.stand_in", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of 127.0.0.1 for the management API")
    parser.add_argument("--smtp-port", type=int, help="port that stands for 25: takes mail without login")
    parser.add_argument("--submission-port", type=int, help="port that stands for 587: takes mail after login")
    parser.add_argument("--version", type=parse_version, default=(0, 15, 5), help="version to behave as, 0.13.0 to 0.16.18 (default 0.15.5)")
    parser.add_argument("--enterprise", action="store_true", help="behave as the paid edition")
    parser.add_argument("--zone", type=pathlib.Path, help="file in master format: what names resolve to (default: nothing does)")
    parser.add_argument("--certificate", help="PEM file: serve the API by HTTPS, and as the server's certificate")
    parser.add_argument("--key", help="PEM file with the certificate's private key")
    return parser


def main() -> None:
    options = arguments().parse_args()
    certificate = pathlib.Path(options.certificate).read_text() if options.certificate else None
    ports = Ports(options.port, options.smtp_port, options.submission_port)
    server = Server(options.version, options.enterprise, ports, certificate, resolver=Resolver(options.zone))
    uvicorn.run(
        Application(server),
        host="127.0.0.1",
        port=options.port,
        access_log=False,
        log_level="warning",
        server_header=False,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
