"""``/api/dkim``: makes DKIM keys and shows their public halves. Everything else about a signature is settings."""

from __future__ import annotations

from datetime import datetime, timezone

from starlette.responses import Response

from .. import dkim_keys, errors, serde
from ..call import Call, data
from . import area

_FIELDS = {
    "id": serde.optional_string,
    "algorithm": serde.one_of("Rsa", "Ed25519"),
    "domain": serde.string,
    "selector": serde.optional_string,
}
_SIGNED_HEADERS = ("From", "To", "Date", "Subject", "Message-ID")


@area("dkim")
async def handle(call: Call) -> Response:
    match call.method:
        case "GET":
            call.token.require("dkim-signature-get")
            return _show(call)
        case "POST":
            call.token.require("dkim-signature-create")
            return _create(call)
    raise errors.not_found()


def _show(call: Call) -> Response:
    identifier = call.element(1)
    if identifier is None:
        raise errors.not_found()
    private_key = call.server.settings.get(f"signature.{identifier}.private-key")
    algorithm = dkim_keys.algorithm_of(call.server.settings.get(f"signature.{identifier}.algorithm"))
    if private_key is None or algorithm is None:
        raise errors.not_found()
    return data(dkim_keys.public_key(algorithm, private_key))


def _create(call: Call) -> Response:
    try:
        wanted = serde.read_struct(call.body, "DkimSignature", _FIELDS)
    except serde.SerdeError as error:
        raise errors.bad_parameters(str(error)) from None
    algorithm, domain = wanted["algorithm"], wanted["domain"]
    identifier = wanted["id"]
    if identifier is None:
        identifier = f"{algorithm.lower()}-{domain}"
    selector = wanted["selector"]
    if selector is None:
        now = datetime.fromtimestamp(call.server.now(), timezone.utc)
        selector = f"{now:%Y%m}{algorithm[0].lower()}"
    prefix = f"signature.{identifier}."
    existing = call.server.settings.get(f"{prefix}private-key")
    if existing is not None:
        raise errors.already_exists(f"{prefix}private-key", existing)
    settings = {
        "private-key": dkim_keys.make_private_key(algorithm),
        "domain": domain,
        "selector": selector,
        "algorithm": f"{algorithm.lower()}-sha256",
        "canonicalization": "relaxed/relaxed",
        **{f"headers.{place}": name for place, name in enumerate(_SIGNED_HEADERS)},
        "report": "false",
    }
    call.server.settings.put((f"{prefix}{key}", value) for key, value in settings.items())
    return data(None)
