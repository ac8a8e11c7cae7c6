"""The bill of materials of a build as CycloneDX: the model, what it was made from, and the libraries that took part."""

from __future__ import annotations

import json
import uuid

from edgekit.engine.libraries import TOOLS, package_url
from edgekit.engine.stage import Work, stage

BOM = "bom.cdx.json"


@stage("bill", process=TOOLS, libraries=("cyclonedx-python-lib",))
def write_sbom(
    work: Work, name: str, shipped: str, inputs: dict[str, str], figures: dict[str, str], versions: dict[str, str]
) -> None:
    """Writes `bom.cdx.json` to a folder; the same for the same arguments.

    Args:
      name: of the model, with its target.
      shipped: SHA-256 of `model.tflite`.
      inputs: SHA-256 of the model and of the dataset that it was made from, by path.
      figures: what is said of the model, as text.
      versions: Python, edgekit and the libraries that took part.

    Source: OWASP CycloneDX 1.6; the library is `cyclonedx-python-lib`.
    """
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    def hashed(sha256: str) -> list[HashType]:
        # A dataset may be random: then there is no file, and no hash.
        return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if len(sha256) == 64 else []

    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=name,
        bom_ref="model",
        hashes=hashed(shipped),
        properties=[Property(name=f"edgekit:{key}", value=value) for key, value in sorted(figures.items())],
    )
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"edgekit:{name}:{shipped}"))
    bom.metadata.component = model
    sources = []
    for kind, (path, sha256) in zip(
        (ComponentType.MACHINE_LEARNING_MODEL, ComponentType.DATA), inputs.items(), strict=True
    ):
        sources.append(Component(type=kind, name=path, bom_ref=f"source:{path}", hashes=hashed(sha256)))
    for library, version in sorted(versions.items()):
        purl = None if library == "python" else PackageURL.from_string(package_url(library, version))
        sources.append(
            Component(
                type=ComponentType.LIBRARY, name=library, version=version, bom_ref=f"{library}@{version}", purl=purl
            )
        )
    for source in sources:
        bom.components.add(source)
    bom.register_dependency(model, sources)
    content = json.loads(JsonV1Dot6(bom).output_as_string())
    content["metadata"].pop("timestamp", None)  # the same build gives the same bytes
    (work.folder / BOM).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
