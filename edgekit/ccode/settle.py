"""A graph before it is written as C: constants are worked out, and a detector ends before its last operator."""

from __future__ import annotations

from edgekit.errors import CrashError
from edgekit.flatbuffer.graph import Graph
from edgekit.flatbuffer.read import parse_graph


def settled(graph: Graph) -> tuple[Graph, bool]:
    """The same model without operators that work out shapes and other constants; an open batch is that of the file.

    Returns:
      the model, and whether it is a detector that was made to end before its detections.
    """
    from edgekit.flatbuffer.detection import detects, without_detection
    from edgekit.flatbuffer.fold import Unfolded, foldable, folded
    from edgekit.runtimes.alone import alone

    content, headless = graph.content, detects(graph)
    if foldable(graph, fixed=True):
        try:
            content = folded(content, alone, fixed=True)
        except Unfolded:
            pass
        except CrashError as crash:  # of constants that no runtime checks; what stays is refused by its operator
            if crash.passing:
                raise
    content = without_detection(content) if headless else content
    return (graph if content is graph.content else parse_graph(content, "the model")), headless
