"""What an HDF5 file may hold: no more memory than its size allows, and nothing outside of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from edgekit.errors import ModelError

EXPANSION = 100
"""How many times larger than its archive a member may be; random weights hardly deflate."""
NAME = 1 << 10
"""Bytes that a name in a list of names is taken to have."""
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
"""Of HDF5; for others it would load a library."""


def check_hdf5(path: Path, file: Any) -> int:
    """Refuses an HDF5 file that reaches into other files, or claims far more memory than it holds.

    Returns:
      bytes of its weights.
    """
    import h5py

    stored, size = 0, file.id.get_filesize()
    left = most(size)
    entries = [(b"/", h5py.h5l.TYPE_HARD)]
    file.id.links.visit(lambda name, link: entries.append((name, link.type)), info=True)
    for name, link in entries:
        where = f"{path}: its entry {name.decode('utf-8', 'replace')!r}"
        if link == h5py.h5l.TYPE_SOFT:
            continue
        if link != h5py.h5l.TYPE_HARD:
            raise ModelError(f"{where} lies in another file; not opened")
        item = h5py.h5o.open(file.id, name)
        attributes = [h5py.h5a.open(item, index=n) for n in range(h5py.h5a.get_num_attrs(item))]
        claim = sum(_bytes(attribute, NAME) for attribute in attributes)
        if isinstance(item, h5py.h5d.DatasetID):
            plan = item.get_create_plist()
            if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
                raise ModelError(f"{where} lies in another file; not opened")
            filters = [plan.get_filter(n)[0] for n in range(plan.get_nfilters())]
            if set(filters) - set(FILTERS):
                raise ModelError(f"{where} is stored by a filter that no Keras uses; not opened")
            if len(set(filters)) < len(filters):
                raise ModelError(f"{where} is compressed more than once; not opened")
            chunk = math.prod(plan.get_chunk()) if plan.get_layout() == h5py.h5d.CHUNKED else 0
            weights = _bytes(item, size)
            stored += weights
            claim += max(weights, chunk * item.get_type().get_size())
        left -= claim
        if left < 0:
            raise ModelError(f"{where} would take {claim:,} B; not opened")
    return stored


def _bytes(item: Any, size: int) -> int:
    """Memory that a dataset or an attribute takes when it is read.

    Args:
      size: of a text of variable length. In a dataset each may be as large as the file: they can be the same bytes.
    """
    count, kind = math.prod(item.get_space().get_simple_extent_dims() or ()), item.get_type()
    return count * (size if _is_variable(kind) and count > 1 else kind.get_size())


def _is_variable(kind: Any) -> bool:
    """Whether a type, or one in it, has no fixed size."""
    import h5py

    if isinstance(kind, h5py.h5t.TypeStringID):
        return bool(kind.is_variable_str())
    if isinstance(kind, h5py.h5t.TypeCompoundID):
        return any(_is_variable(kind.get_member_type(n)) for n in range(kind.get_nmembers()))
    if isinstance(kind, h5py.h5t.TypeArrayID):
        return _is_variable(kind.get_super())
    return isinstance(kind, h5py.h5t.TypeVlenID)


def most(stored: int) -> int:
    """Bytes of memory that a file of a size may claim."""
    return EXPANSION * stored + (1 << 20)
