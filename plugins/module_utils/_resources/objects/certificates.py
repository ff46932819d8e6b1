# Copyright (c) 2026, the stalwart.mail authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host names in a certificate, by which people know it."""

from __future__ import annotations

import traceback
import typing as t

from ..._errors import InvalidOption, LibraryMissing


def names_in(certificate: t.Any, place: str) -> list[str]:
    """The names and addresses that the first certificate of a PEM text is for, sorted. Raises InvalidOption, and LibraryMissing."""
    text = certificate.get("value") if isinstance(certificate, dict) else certificate
    if not isinstance(text, str):
        raise InvalidOption(
            place, "its text is not here, so what it is for can't be told; name what it is found by in match: {subjectAlternativeNames: [...]}."
        )
    try:
        from cryptography import x509
    except ImportError:
        raise LibraryMissing("cryptography", traceback.format_exc()) from None
    try:
        found = x509.load_pem_x509_certificate(text.strip().encode())
    except ValueError:
        raise InvalidOption(place, "it is no certificate in PEM; give one with its lines -----BEGIN … and -----END ….") from None
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    common = [str(each.value) for each in found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    told = [*names.get_values_for_type(x509.DNSName), *(str(each) for each in names.get_values_for_type(x509.IPAddress))]
    return sorted({*told, *common})
