"""The tasks of the command line: each parses, calls one function, prints and ends with a status.

`edgekit.tasks.task` says how to add one. In its group a task is shown in the order of this list.
"""

from edgekit.tasks import environment, files, flow, releases, solve, start
from edgekit.tasks.common import namespace

for task in (
    start.init,
    flow.build,
    releases.check,
    releases.compare,
    releases.release,
    solve.solve,
    flow.sensitivity,
    flow.study,
    flow.features,
    files.inspect,
    flow.explain,
    releases.history,
    files.bench,
    files.compat,
    files.diverge,
    files.verify,
    files.shrink,
    files.carray,
    files.ccode,
    releases.baseline,
    releases.baselines,
    environment.targets,
    environment.doctor,
    environment.clean,
):
    namespace.add_task(task)
