"""The tasks of the command line: each parses, calls one function, prints and ends with a status."""

from edgekit.tasks import environment, files, flow, releases
from edgekit.tasks.common import namespace

for task in (
    flow.build,
    releases.check,
    releases.baseline,
    releases.baselines,
    releases.compare,
    releases.history,
    releases.release,
    files.bench,
    files.carray,
    files.ccode,
    files.shrink,
    files.compat,
    files.diverge,
    files.verify,
    files.inspect,
    environment.targets,
    environment.doctor,
    environment.clean,
    flow.sensitivity,
    flow.explain,
    flow.study,
):
    namespace.add_task(task)
