"""What decided a build: its inputs, settings, versions and steps, as an in-toto statement with SLSA provenance."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict

from edgekit import __version__
from edgekit.config import encode
from edgekit.engine.confine import NOTHING, holds
from edgekit.engine.libraries import package_url
from edgekit.files import relative
from edgekit.profile.project import ModelSpec
from edgekit.report.types import MANIFEST, Manifest, StepEntry
from edgekit.types import Artifact
from edgekit.units import plain

if TYPE_CHECKING:
    from edgekit.product import BuildResult, Product


def manifest_of(built: BuildResult, root: Path) -> Manifest:
    """All that decided the build; the outputs are added as they are written."""
    product, versions = built.product, {"python": platform.python_version(), "edgekit": __version__}
    for made in built.made:
        versions |= made.ingredients["libraries"]
    return Manifest(
        schema=MANIFEST,
        verdict=built.report.verdict,
        inputs=(_named(product.loaded.source, root), _named(product.loaded.dataset, root)),
        target=built.report.target,
        settings=encode(product.target),
        versions=dict(sorted(versions.items())),
        steps=[StepEntry(made.row.name, made.key, made.ingredients) for made in built.made],
        outputs=[],
        confinement=", ".join(holds()) or NOTHING,
        project=said_of(product.spec),
        predicate=_provenance(product, root, versions),
    )


def said_of(spec: ModelSpec) -> dict[str, Any]:
    """What a project says of a model beside its files, as JSON gives it back."""
    scaled = {key: value for key, value in asdict(spec.preprocessing).items() if value is not None}
    said: dict[str, Any] = {"preprocessing": scaled, "metric": spec.metric, "labels": spec.labels}
    said |= {name: of for name, of in (("frontend", spec.frontend), ("stream", spec.stream)) if of}
    return msgspec.json.decode(msgspec.json.encode(said, enc_hook=plain))


def _named(artifact: Artifact, root: Path) -> Artifact:
    """With its path as a report says it."""
    return msgspec.structs.replace(artifact, path=relative(artifact.path, root))


def _provenance(product: Product, root: Path, versions: dict[str, str]) -> dict[str, Any]:
    """What was built from what, by whom, as SLSA says it; settings and steps stand in the manifest itself.

    Source: SLSA 1.0, "Provenance"; a resource is a `ResourceDescriptor` of in-toto.
    """
    sources = [
        {"name": relative(a.path, root), "digest": {"sha256": a.sha256}}
        for a in (product.loaded.source, product.loaded.dataset)
        if len(a.sha256) == 64
    ]
    libraries = [{"name": n, "uri": package_url(n, v)} for n, v in sorted(versions.items()) if n != "python"]
    return {
        "buildDefinition": {
            "buildType": "urn:edgekit:build:1",
            "externalParameters": {"target": product.target.name, "model": product.spec.name},
            "internalParameters": {"profile": {"sha256": product.target.sha256}},
            "resolvedDependencies": [*sources, *libraries],
        },
        "runDetails": {"builder": {"id": "urn:edgekit:local", "version": {"edgekit": __version__}}},
    }
