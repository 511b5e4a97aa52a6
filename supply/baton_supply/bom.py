"""
The bill of materials: what is in the image beside its base, as CycloneDX JSON.

It says of every package of the image's lock its version, its licence, the hashes of its files, who asked for it and,
where that is not everywhere, on which platforms it is installed. The base's own packages are not in it: their
distribution publishes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.markers import Marker

from baton_supply import licences, locks
from baton_supply.locks import Pin
from baton_supply.policy import Policy

#: What a package's marker is compared with to tell whether the image has it: CPython on Linux.
_IMAGE: dict[str, str] = {
    "implementation_name": "cpython",
    "implementation_version": "3.12.0",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.12.0",
    "python_version": "3.12",
    "sys_platform": "linux",
}


def materials(name: str, version: str, licence: str, policy: Policy, *, moment: int) -> str:
    """
    Write the bill of materials of the image's lock.

    Args:
        name: Of the whole.
        version: Of the whole.
        licence: Of the whole, as an SPDX expression.
        policy: What states the licences that packages do not say.
        moment: Seconds since 1970 that the document bears. The same tree and moment give the same text.

    Raises:
        LicenceError: If the licence of a package is not known.
    """
    pins = {pin.name: pin for pin in locks.read(locks.IMAGE)}
    parents = {pin.name: pin.parents for pin in locks.read(locks.EVERYTHING)}
    parts = {pin.name: _component(pin, licences.expression_of(pin, policy)) for pin in pins.values()}
    whole = _application(name, version, licence)
    bom = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"{whole.purl}#{moment}"),
        components=parts.values(),
    )
    bom.metadata.timestamp = datetime.fromtimestamp(moment, UTC)
    bom.metadata.component = whole
    for parent, component in {name: whole, **parts}.items():
        bom.register_dependency(component, _asked_for(parent, parts, parents))
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _asked_for(
    parent: str, parts: Mapping[str, Component], parents: Mapping[str, frozenset[str]]
) -> tuple[Component, ...]:
    return tuple(part for name, part in parts.items() if parent in parents.get(name, ()))


def _application(name: str, version: str, licence: str) -> Component:
    address = PackageURL("pypi", name=name, version=version)
    return Component(
        type=ComponentType.APPLICATION,
        name=name,
        version=version,
        purl=address,
        bom_ref=str(address),
        licenses=[LicenseFactory().make_from_string(licence)],
    )


def _component(pin: Pin, licence: str) -> Component:
    address = PackageURL("pypi", name=pin.name, version=pin.version)
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(address)),
        comment="one hash for each file of this version that the lock admits",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in pin.hashes],
    )
    installed = pin.marker is None or Marker(pin.marker).evaluate(_IMAGE)
    return Component(
        type=ComponentType.LIBRARY,
        name=pin.name,
        version=pin.version,
        purl=address,
        bom_ref=str(address),
        scope=ComponentScope.REQUIRED if installed else ComponentScope.OPTIONAL,
        licenses=[LicenseFactory().make_from_string(licence)],
        external_references=[files],
        properties=[] if pin.marker is None else [Property(name="baton:marker", value=pin.marker)],
    )
