"""What docs/sweeps.md shows works as it stands there."""

import re
from pathlib import Path

from lightloom.flow.rack import read, reading

DOCS = Path(__file__).parents[2] / "docs"


def test_example_of_the_notebook_runs():
    code = re.search(r"```python\n(.*?)```", (DOCS / "sweeps.md").read_text(), re.DOTALL)[1]
    names = {"__name__": "notebook"}
    exec(compile(code, "docs/sweeps.md", "exec"), names)
    assert len(names["table"]) == 8 and len(names["curve"]) == 4
    assert names["curve"].variant.tolist() == ["near", "near", "far", "far"]
    table = names["table"]
    assert (table.latency_mean > 0).tolist() == table.stable.tolist() and table.stable.sum() > 4


def test_shipped_experiment_can_be_read():
    assert len(read(DOCS / "examples" / "sweep.toml").points()) == 4 * 3 * 2 * 2


def test_fields_of_an_experiment_are_those_of_the_page():
    rows = re.findall(r"^\| (`.*?) \|", (DOCS / "sweeps.md").read_text().split("## Experiment")[1]
                      .split("## Points")[0], re.MULTILINE)
    named = set(re.findall(r"`\[?(\w+)", " ".join(rows)))
    assert named == set(reading.FIELDS)
