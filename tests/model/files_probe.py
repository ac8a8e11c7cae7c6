"""What the tests of files ask of a worker, which imports TensorFlow."""

from pathlib import Path


def read(model: str, folder: str) -> dict[str, object]:
    """A file through the load stage: its form, its format, and how far its answers are from those of its writer."""
    import numpy as np

    from edgekit.compress.targets import predict
    from edgekit.model.read import load_file, open_keras
    from edgekit.types import KERAS, Reading

    facts = load_file.run(folder, model, Reading())
    with np.load(Path(model).with_suffix(".npz")) as stored:
        x, answers = [stored[name] for name in sorted(stored.files) if name != "answers"], stored["answers"]
    given = predict(open_keras(f"{folder}/{KERAS}", ""), x)[0]
    return {
        "form": facts.form,
        "format": facts.format,
        "error": float(np.abs(given - answers).max()),
        "signal": float(np.abs(answers).max()),
    }
