from edgekit.engine import worker


def write_from_inner(path: str) -> None:
    worker.call("confine_probe_nested:write", path, returns=type(None))


def write(path: str) -> None:
    from edgekit.errors import WorkerError

    try:
        open(path, "w").close()
    except PermissionError as problem:
        raise WorkerError("PermissionError") from problem
