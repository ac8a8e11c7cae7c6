"""The first build of a model for a device: which of the device's settings fit it, and what it costs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from edgekit.build import produce, prove
from edgekit.config import decode, tables
from edgekit.data.check import undeclared_group
from edgekit.data.metric import LOWER
from edgekit.data.spec import RANDOM
from edgekit.engine.libraries import TENSORFLOW
from edgekit.engine.make import Listener, Maker, Scope, Silent
from edgekit.errors import DataError, ProjectError, StandaloneError
from edgekit.measure.headroom import proposed
from edgekit.product import BuildResult, LoadedModel
from edgekit.profile.profiles import load_target
from edgekit.profile.project import ModelSpec, Project, ProjectTable, project_at, select_model
from edgekit.profile.starter import PROJECT, Entry, Profile, Setting, adjusted, project_text, target_text
from edgekit.profile.target import Target
from edgekit.stages.load import load
from edgekit.stages.preprocess import Scale, as_given, scales


class Draft(Struct, frozen=True):
    """A project that is not written yet, and is read as if it were."""

    root: Path
    entry: Entry
    profile: Profile
    existing: Project | None = None
    """The project that gets a further target: what it says of the model holds."""

    @property
    def project(self) -> Project:
        """As pyproject.toml says it, or will say it."""
        if self.existing:
            return self.existing
        said: dict[str, Any] = tables(project_text(self.entry), PROJECT, ProjectError)["tool"]["edgekit"]
        return project_at(self.root, decode(said, ProjectTable, PROJECT, ProjectError))

    @property
    def spec(self) -> ModelSpec:
        """The model."""
        return select_model(self.project, self.entry.name, None, self.entry.reading)

    @property
    def target(self) -> Target:
        """As its file will say it."""
        with tempfile.TemporaryDirectory(prefix="edgekit-init-") as place:
            Path(place, f"{self.profile.name}.toml").write_text(target_text(self.profile), encoding="utf-8")
            return load_target(self.profile.name, [Path(place), *self.project.target_folders])

    def with_settings(self, *settings: Setting) -> Draft:
        """With more settings of the target."""
        return replace(self, profile=replace(self.profile, settings=(*self.profile.settings, *settings)))


class FirstBuild(Struct, frozen=True):
    """What was found."""

    draft: Draft
    """With all settings and limits."""
    scales: list[Scale]
    """What was tried on the samples, the best one first."""
    built: BuildResult


def first_build(draft: Draft, ui: Listener) -> FirstBuild:
    """Builds a model for a device, and again with the settings and limits that follow, so that the next build finds
    everything made.

    Raises:
      EdgekitError: the model cannot be built for the device.
    """
    store = draft.project.open_store()
    with Maker(store, ui) as maker:
        draft, loaded, tried = _looked_at(draft, maker)
        draft = draft.with_settings(*adjusted(draft.target.recipe, loaded.facts, loaded.samples))
        draft, built = _with_code_or_without(draft, maker)
        draft, built = _gentler(draft, built, maker)
    kind, found, target = tried[0].fit.kind, built.found, built.product.target
    lower = draft.entry.metric in LOWER
    limits = proposed(found.measurements, found.shipped, target.hardware, lower_is_better=lower)
    draft = replace(draft, profile=replace(draft.profile, limits=tuple(limits)))
    if kind != "classes" and draft.entry.data != RANDOM and target.budget.accuracy_drop is not None:
        draft = draft.with_settings(Setting("budget.levels", "accuracy_drop", "off", "the samples have no classes"))
    with Maker(store, Silent()) as maker:
        return FirstBuild(draft, tried, _built(draft, maker))


def _looked_at(draft: Draft, maker: Maker) -> tuple[Draft, LoadedModel, list[Scale]]:
    """The model with its dataset, split as its groups say, on the scale that the model answers best to."""
    scope = Scope(maker, f"{draft.profile.name}.{draft.entry.name}")
    maker.ui.headline(f"{draft.profile.name}: {draft.entry.name}")
    if draft.existing:
        loaded = _loaded(draft, scope)
        return draft, loaded, [as_given(draft.spec, loaded, scope)]
    group = undeclared_group(draft.spec.data)
    grouped = replace(draft, entry=replace(draft.entry, group=group))
    try:
        loaded = _loaded(grouped, scope)
        draft = grouped
    except DataError:
        if not group:
            raise
        loaded = _loaded(draft, scope)  # its groups cannot be kept apart
    tried = scales(draft.spec, loaded, scope)
    best = tried[0]
    own = draft.entry.metric
    metric = "mae" if best.fit.kind == "numbers" and own == "accuracy" else own
    scope.done(f"scale of the samples: {best.name}", accuracy=best.fit.accuracy)
    entry = replace(draft.entry, preprocessing=best.preprocessing, scale=best.name, metric=metric)
    return replace(draft, entry=entry), loaded, tried


def _loaded(draft: Draft, scope: Scope) -> LoadedModel:
    few = Setting("recipe.quantize", "calibration_samples", 1, "however few there are")
    return load(draft.spec, draft.with_settings(few).target, scope)


def _with_code_or_without(draft: Draft, maker: Maker) -> tuple[Draft, BuildResult]:
    """A build with standalone C where the device's profile asks for it and the model can be written so."""
    try:
        return draft, _built(draft, maker)
    except StandaloneError:
        why = "an operator of the model has no standalone C"
        draft = draft.with_settings(Setting("outputs", "c_standalone", False, why))
        return draft, _built(draft, maker)


def _gentler(draft: Draft, built: BuildResult, maker: Maker) -> tuple[Draft, BuildResult]:
    """The build without the techniques of the recipe, if they certainly take more accuracy than the device's profile
    allows, and less is lost without them."""
    allowed, lost = built.product.target.budget.accuracy_drop, built.found.measurement("accuracy_drop")
    taken = list(built.product.target.recipe.techniques)
    if not taken or allowed is None or lost is None or lost.low is None or lost.low <= allowed:
        return draft, built
    why = f"with it {lost.value:.1f} points of accuracy were lost"
    kept = [s for s in draft.profile.settings if s.table.removeprefix("recipe.") not in taken]
    without = replace(draft, profile=replace(draft.profile, settings=tuple(kept)))
    without = without.with_settings(*(Setting("recipe", name, False, why) for name in taken))
    rebuilt = _built(without, maker)
    left = rebuilt.found.value("accuracy_drop")
    return (without, rebuilt) if left is not None and lost.value is not None and left < lost.value else (draft, built)


def _built(draft: Draft, maker: Maker) -> BuildResult:
    product = produce(draft.spec, draft.target, maker)
    maker.end(TENSORFLOW)
    return prove(product, maker, draft.project)
