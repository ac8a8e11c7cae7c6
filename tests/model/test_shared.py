import re

import pytest
import rebuild_probe


@pytest.mark.slow
def test_public_models_become_integer_or_are_rightly_refused(shared, process):
    index = (shared / "models" / "INDEX.md").read_text()
    models = re.findall(r"^\| (keras/\S+) .*\| ([^|]*) \|$", index, re.MULTILINE)
    assert len(models) >= 17
    for name, what in models:
        said = process.call(rebuild_probe.outcome, str(shared / "models" / name), returns=str)
        if "to be refused" in what:
            assert re.search(r"layer '|class '", said) and "\n" not in said, (name, said)
        else:
            assert said == "integer", (name, said)
