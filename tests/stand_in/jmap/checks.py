"""Rules of single types that their structure does not say: passwords, keys, certificates, names, expressions."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import pathlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from ..dkim_keys import pem_payload
from ..expression_check import FUNCTIONS, UnreadableError
from ..expression_check import check as check_expression
from ..mail.encryption import Method, read_certificates
from . import ids
from .calls import MethodCall
from .objects import MASK
from .patch import check, clean_address, format_time
from .schema import Schema
from .store import SetError, object_id

if TYPE_CHECKING:
    from ..state import Server
    from .service import Service


@dataclass(frozen=True, slots=True)
class Context:
    """What is written: the call, and the creation id in it."""

    service: Service
    call: MethodCall
    key: str


Rule = Callable[[Context, dict[str, Any], "dict[str, Any] | None"], dict[str, Any]]


# --- passwords ---------------------------------------------------------------

_COMMON = frozenset("password qwerty letmein iloveyou monkey dragon football baseball welcome login admin secret abc sunshine princess master".split())


def hashed(server: Server, password: str) -> str:
    """A stored form of a password. The real server's takes 50 ms to work out; nobody sees either."""
    salt = secrets.token_bytes(8)
    return "{SSHA512}" + base64.b64encode(hashlib.sha512(password.encode() + salt).digest() + salt).decode()


def is_hash(text: str) -> bool:
    return text.startswith(("$argon2", "$pbkdf2", "$scrypt", "$2", "$6$", "$5$", "$1$", "$sha1$", "$md5")) or (text.startswith("{") and "}" in text)


def weakness(settings: dict[str, Any], password: str) -> str | None:
    """Why a password is refused. Strength is judged by the number of different signs and by words that everyone takes."""
    least, most = settings["passwordMinLength"], settings["passwordMaxLength"]
    size = len(password.encode())
    if size > most:
        return f"Password must be at most {most} characters long."
    if size < least:
        return f"Password must be at least {least} characters long."
    if settings["passwordMinStrength"] == "zero":
        return None
    if password.lower().strip("0123456789!?.") in _COMMON:
        return "Password is too weak. This is a very common password. Add another word or two. Uncommon words are better."
    if len(set(password)) < 5 or password.isdigit():
        return "Password is too weak. Add another word or two. Uncommon words are better."
    return None


def set_password(context: Context, secret: str) -> str:
    """The stored form of a new password. Raises SetError."""
    if is_hash(secret):
        return secret
    reason = weakness(context.service.running["Authentication"], secret)
    if reason is not None:
        raise SetError("invalidProperties", reason, ["secret"])
    return hashed(context.service.server, secret)


def _account(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    if before is not None and before["@type"] != value["@type"]:
        raise SetError("invalidProperties", "Cannot change the type of an existing account.", ["@type"])
    if value["@type"] == "User":
        value = {**value, "credentials": _credentials(context, value["credentials"], before.get("credentials", {}) if before is not None else None)}
    if before is None or before["roles"] != value["roles"] or before["permissions"] != value["permissions"]:
        access = context.service.access
        missing = access.may_grant(context.call.token, access.permissions_of(value))
        if missing:
            raise refused_permissions(missing)
    return value


def refused_permissions(missing: list[str]) -> SetError:
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    return SetError("forbidden", f"You are not authorized to grant permissions: {', '.join(missing[:5])}{more}")


def _credentials(context: Context, new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    created, old = old is None, old or {}
    known = {item["credentialId"]: item for item in old.values()}
    has_password = any(item["@type"] == "Password" and item["credentialId"] for item in new.values())
    highest = max((ids.decode(item["credentialId"]) or 0 for item in new.values() if item["credentialId"] in known), default=0)
    result: dict[str, Any] = {}
    for place, item in new.items():
        before = known.get(item["credentialId"])
        if before is None:
            if item["@type"] != "Password":
                raise SetError("invalidProperties", "Secondary credentials cannot be set directly.", ["credentials"])
            if has_password:
                raise SetError("invalidProperties", "Only one password credential is allowed.", ["credentials"])
            has_password = True
            item = {**item, "secret": set_password(context, item["secret"])}
        elif item != before:
            if item["@type"] != before["@type"]:
                raise SetError("invalidProperties", "Credential type cannot be changed.", ["credentials"])
            item = {**item, **{name: before.get(name) for name in ("secret", "otpAuth") if item.get(name) == MASK}}
            if item["secret"] != before["secret"]:
                if item["@type"] != "Password":
                    raise SetError("forbidden", "Cannot change app password or API credentials through this method.")
                item = {**item, "secret": set_password(context, item["secret"])}
        result[place] = item
    start = 0 if created else highest + 1
    for item in result.values():
        if not item["credentialId"]:
            item["credentialId"] = ids.encode(start)
            start += 1
    return result


def _role(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    if before is None or any(before[name] != value[name] for name in ("enabledPermissions", "disabledPermissions", "roleIds")):
        granted = set(value["enabledPermissions"]) - set(value["disabledPermissions"])
        missing = context.service.access.may_grant(context.call.token, granted)
        if missing:
            raise refused_permissions(missing)
    return value


def _client(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    secret = value.get("secret")
    if secret and not is_hash(secret):
        return {**value, "secret": hashed(context.service.server, secret)}
    return value


# --- keys --------------------------------------------------------------------


def secret_of(value: dict[str, Any]) -> str:
    """The text of a secret that is kept in the object; empty where it is elsewhere."""
    return str(value.get("secret") or value.get("value") or "")


def text_of(value: dict[str, Any]) -> str:
    """The text of a secret, wherever it is kept. Raises ValueError with the server's words."""
    match value["@type"]:
        case "EnvironmentVariable":
            if value["variableName"] not in os.environ:
                raise ValueError(f"Environment variable '{value['variableName']}' not found")
            return os.environ[value["variableName"]]
        case "File":
            try:
                return pathlib.Path(value["filePath"]).read_text(encoding="utf-8")
            except OSError as error:
                raise ValueError(f"Failed to read secret from file '{value['filePath']}': {error.strerror} (os error {error.errno})") from None
    return secret_of(value)


def signing_key(kind: str, text: str) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    """A DKIM key as the server reads it. Raises SetError with its words."""
    return _rsa_key(text) if "Rsa" in kind else _ed25519_key(text)


def _ed25519_key(text: str) -> ed25519.Ed25519PrivateKey:
    der = pem_payload(text)
    if der is None:
        raise _no_signature("reason = Failed to parse ED25519 private key PEM, details = Invalid PEM format")
    key = _private_key(der)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    reason = "WrongAlgorithm" if key is not None and _is_pkcs8(der) else "InvalidEncoding"
    raise _no_signature(f"reason = Cryptography layer error: {reason}, details = Failed to build ED25519 key")


def _rsa_key(text: str) -> rsa.RSAPrivateKey:
    try:
        label, der = _section(text, ("PRIVATE KEY", "RSA PRIVATE KEY"))
    except ValueError as error:
        raise _no_signature(f"reason = {error}, details = Failed to build RSA key") from None
    key = _private_key(der)
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return key
    if key is None:
        reason = "InvalidEncoding" if label == "PRIVATE KEY" else "UnexpectedError"
    else:
        reason = "TooSmall" if isinstance(key, rsa.RSAPrivateKey) else "WrongAlgorithm"
    raise _no_signature(f"reason = Cryptography layer error: {reason}, details = Failed to build RSA key")


def _private_key(der: bytes) -> Any:
    try:
        return serialization.load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _is_pkcs8(der: bytes) -> bool:
    """Behind its version a PKCS #8 key has an algorithm, others a number or the key."""
    header = 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)
    return der[header + 3 : header + 4] == b"\x30"


def _section(text: str, labels: tuple[str, ...]) -> tuple[str, bytes]:
    """The first part of a PEM text with one of these labels. Raises ValueError with the words of the server's reader."""
    label, body = None, ""
    for line in text.splitlines():
        begin = re.match(r"-----BEGIN (.*?)-----\s*$", line)
        if begin is not None:
            label, body = begin[1], ""
        elif label is not None and line.startswith(f"-----END {label}-----"):
            strange = re.search(r"[^A-Za-z0-9+/=]", body)
            if strange is not None:
                raise ValueError(f"base64 decode error: InvalidCharacter({ord(strange[0])})")
            try:
                der = base64.b64decode(body, validate=True)
            except ValueError:
                raise ValueError("base64 decode error: InvalidTrailingPadding") from None
            if label in labels:
                return label, der
            label = None
        elif label is not None:
            body += line.strip()
    if label is not None:
        raise ValueError(f"missing section end marker: {list(label.encode())}")
    raise ValueError("no items found")


def _no_signature(reason: str) -> SetError:
    return SetError("invalidProperties", f"Failed to validate DKIM signature: DKIM build error (dkim.build-error): {reason}")


def public_key(value: dict[str, Any]) -> str | None:
    """Base64 of a signature's public key, None where its private key cannot be read."""
    try:
        key = signing_key(value["@type"], text_of(value["privateKey"])).public_key()
    except (SetError, ValueError):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        raw = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    else:
        raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def _signature(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    if before is not None and before["privateKey"] == value["privateKey"]:
        return value
    if errors := check(context.service.schema, "DkimSignature", value):
        raise _no_signature(f"reason = DKIM signature validation failed, details = [{', '.join(map(_sentence, errors))}]")
    try:
        text = text_of(value["privateKey"])
    except ValueError as error:
        raise _no_signature(f"reason = {error}") from None
    signing_key(value["@type"], text)
    return value


def _sentence(error: dict[str, Any]) -> str:
    """What is wrong with a property, as the server's own parts tell each other."""
    match error["type"]:
        case "Required":
            return f"Property '{error['property']}' is required"
        case "Invalid":
            return f"Invalid value '{error['value']}' for property '{error['property']}'"
    extreme, what = ("exceeds maximum", error["type"][3:].lower()) if error["type"].startswith("Max") else ("is below minimum", error["type"][3:].lower())
    return f"Property '{error['property']}' {extreme} {what} of {error['required']}"


def _certificate(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """The certificate alone is read here: whether the key is one, and this one's, shows when they are used."""
    if before is not None and before["certificate"] == value["certificate"]:
        return value
    try:
        leaf = _read_certificate(text_of(value["certificate"]))
    except ValueError as error:
        raise SetError("invalidProperties", f"Failed to read certificate: {error}", ["certificate"]) from None
    names = {str(each.value) for each in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)}
    with contextlib.suppress(x509.ExtensionNotFound):
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names.update(found.get_values_for_type(x509.DNSName), map(str, found.get_values_for_type(x509.IPAddress)))
    return {
        **value,
        "subjectAlternativeNames": dict.fromkeys(sorted(names), True),
        "notValidBefore": format_time(leaf.not_valid_before_utc.timestamp()),
        "notValidAfter": format_time(leaf.not_valid_after_utc.timestamp()),
        "issuer": ", ".join(part.rfc4514_string() for part in leaf.issuer.rdns),
    }


def _read_certificate(text: str) -> x509.Certificate:
    """Raises ValueError with the server's words."""
    part = re.search(r"-----BEGIN ([^-]+)-----\s*([A-Za-z0-9+/=\s]*?)\s*-----END \1-----", text)
    if part is None:
        raise ValueError("Cryptographic error: No certificates found in PEM")
    der = base64.b64decode(part[2])
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        inner = der[2:] if len(der) > 1 and der[1] < 0x80 else der[2 + (der[1] & 0x7F if len(der) > 1 else 0) :]
        tag = (inner if der[:1] == b"\x30" else der)[:1]
        reason = f"Der(UnexpectedTag {{ expected: Some(Tag(16)), actual: Tag({tag[0] & 31 if tag else 0}) }})"
        raise ValueError(f"Cryptographic error: Failed to parse X.509 certificate: Parsing Error: {reason}") from None


def _provider(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """An ACME account is made where the provider is: there is none to be reached from here."""
    if before is not None:
        return value
    reason = f"HTTP error: error sending request for url ({value['directory']})"
    if not value["contact"]:
        reason = "Invalid request: At least one contact email is required"
    for contact in value["contact"]:
        if clean_address(contact.removeprefix("mailto:")) is None:
            reason = f"Invalid request: Invalid contact email: {contact}"
            break
    raise SetError("invalidProperties", f"Failed to create ACME account: {reason}", ["directory"])


# --- domains -----------------------------------------------------------------


def _domain(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    store = context.service.store
    if before is None or before["name"] != value["name"]:
        other = store.unique("Domain", "aliases", value["name"])
        if other is not None:
            raise SetError("primaryKeyViolation", properties=["name"], more={"objectId": object_id("Domain", other)})
    old = {*before["aliases"], before["name"]} if before is not None else set()
    for alias in value["aliases"]:
        if alias == value["name"] or alias in old:
            continue
        for index in ("name", "aliases"):
            other = store.unique("Domain", index, alias)
            if other is not None:
                raise SetError("primaryKeyViolation", properties=["aliases"], more={"objectId": object_id("Domain", other)})
    certificates = value["certificateManagement"]
    if certificates["@type"] == "Automatic" and (before is None or before["certificateManagement"]["@type"] != "Automatic"):
        provider = store.get("AcmeProvider", ids.decode(certificates["acmeProviderId"]) or 0)
        if provider is None:
            raise SetError("invalidProperties", "ACME provider not found", ["acmeProviderId"])
        if provider["challengeType"] == "Dns01" and value["dnsManagement"]["@type"] != "Automatic":
            raise SetError("invalidProperties", "ACME provider requires automatic DNS management", ["acmeProviderId"])
    return value


# --- scripts -----------------------------------------------------------------

_COMMANDS = frozenset(
    """
    require if elsif else keep discard redirect fileinto reject ereject stop set addflag setflag removeflag addheader deleteheader notify vacation
    include return global replace enclose foreverypart break extracttext convert error let while eval
    """.split()
)


def _script(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    """Only the first word is looked at: where it is no command, nothing that follows can be one's arguments."""
    if before is not None and before["contents"] == value["contents"]:
        return value
    text = re.sub(r"#[^\n]*|/\*.*?\*/", "", value["contents"], flags=re.DOTALL).strip()
    word = re.match(r"\w*", text)
    if text and (word is None or word[0] not in _COMMANDS):
        first = re.match(r"\w+|\S", text)
        kind = "system" if context.call.kind == "SieveSystemScript" else "user"
        words = f'Expected token "command" but found "{first[0] if first else ""}" at line 0, column 0.'
        raise SetError("invalidProperties", f"Failed to compile {kind} Sieve script: {words}", ["contents"])
    return value


def _public_key(context: Context, value: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
    text = value["key"] if value["key"].endswith("\n") else value["key"] + "\n"
    methods: tuple[Method, ...] = ("pGP", "sMIME")
    for method in methods:
        with contextlib.suppress(ValueError):
            if read_certificates(method, text):
                break
    else:
        raise SetError("invalidProperties", "No valid public key found.", ["key"])
    return {**value, "key": text}


RULES: dict[str, Rule] = {
    "Account": _account,
    "AcmeProvider": _provider,
    "Certificate": _certificate,
    "DkimSignature": _signature,
    "Domain": _domain,
    "OAuthClient": _client,
    "PublicKey": _public_key,
    "Role": _role,
    "SieveSystemScript": _script,
    "SieveUserScript": _script,
}


# --- expressions -------------------------------------------------------------

_CONNECTION = "listener remote_ip remote_port local_ip local_port protocol is_tls"
_QUEUE = "sender sender_domain priority retry_num notify_num expires_in last_status last_error"
_RECIPIENT = f"{_QUEUE} rcpt rcpt_domain recipients queue_name queue_age received_from_ip received_via_port source size"
_MAIL = """
remote_ip remote_ip.ptr helo_domain authenticated_as asn country is_tls env_from env_from.local env_from.domain env_to from from.name from.local
from.domain reply_to reply_to.name reply_to.local reply_to.domain to to.name to.local to.domain cc cc.name cc.local cc.domain bcc bcc.name bcc.local
bcc.domain body body.text body.html body.words body.raw subject subject.thread subject.words location
"""
_VARIABLES = {
    "http": f"{_CONNECTION} url url_path headers method",
    "mta-connection": f"{_CONNECTION} asn country",
    "mta-ehlo": f"{_CONNECTION} helo_domain asn country",
    "mta-mail-from": f"{_CONNECTION} sender sender_domain authenticated_as asn country",
    "mta-rcpt-to": f"{_CONNECTION} sender sender_domain recipients rcpt rcpt_domain authenticated_as priority helo_domain asn country",
    "mta-rcpt-domain": "rcpt_domain",
    "mta-rcpt": "rcpt",
    "mta-queue-sender": _QUEUE,
    "mta-queue-rcpt": _RECIPIENT,
    "mta-queue-host": f"{_RECIPIENT} mx remote_ip local_ip",
    "spam-generic": f"{_MAIL} value",
    "spam-email": f"{_MAIL} email value name local domain sld",
    "spam-header": f"{_MAIL} name name_lower value value_lower attributes raw raw_lower",
    "spam-ip": f"{_MAIL} ip value reverse_ip ip_reverse octets is_v4 is_v6",
    "spam-url": f"{_MAIL} url value path_query scheme host port path_only query sld",
    "none": "",
}
_CONSTANTS = {
    "mta-verify": "relaxed strict disable",
    "mta-aggregate": "hourly daily weekly disable",
    "mta-auth-type": "plain login xoauth2 oauthbearer",
    "mta-priority": "mixer stanag4406 nsep",
}
_FUNCTIONS = {**FUNCTIONS, "is_local_domain": 1, "is_local_address": 1, "system": 1, "is_ip_in_cidr": 2}
_ALL = frozenset(" ".join(_VARIABLES.values()).split())


def expressions(schema: Schema, kind: str, value: dict[str, Any]) -> None:
    """Raises SetError for the first expression of an object that the server cannot read."""
    structure = schema.structure(kind, value)
    for item in structure.properties.values() if structure is not None else ():
        found = value.get(item.name)
        if item.kind.of != "Expression" or found is None:
            continue
        variables, _, constants = item.options.get("variables", "none").partition("/")
        names = frozenset(_VARIABLES[variables].split()) | frozenset(_CONSTANTS.get(constants, "").split())
        for part, text in [(part, case[part]) for case in found["match"].values() for part in ("if", "then")] + [("else", found["else"])]:
            reason = _reason(text, names)
            if reason is not None:
                invalid = {"type": "Invalid", "property": item.name, "value": f"Error parsing '{part}' expression: {reason}"}
                raise SetError("validationFailed", properties=[item.name], more={"validationErrors": [invalid]})


def _reason(text: str, names: frozenset[str]) -> str | None:
    try:
        check_expression(text, names, _FUNCTIONS)
    except UnreadableError as error:
        reason = str(error)
        variable = reason.removeprefix('Invalid variable or constant "').removesuffix('"')
        return f'Variable "{variable}" not allowed in this context' if variable in _ALL else reason
    return None
