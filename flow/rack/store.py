"""A sweep on disk: one small file for each finished point, and tables of them all.

::

    <folder>/points/<key>.parquet   a point: one row, arrays as lists; written once, never changed
    <folder>/experiment.json        what was asked for: points in order, configurations
    <folder>/results.csv, .parquet  a row for each finished point, in the order asked for
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import FlowError, writable
from .point import Outcome, Point

_ROW, _ARRAY, _OTHER = "row:", "array:", "other:"


class Store:
    """The folder of a sweep."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """File of a point."""
        return self.folder / "points" / f"{key}.parquet"

    def prepare(self, points: list[Point]) -> None:
        """Make the folders, and write down what is asked for.

        Raises
        ------
        FlowError
            When the folder cannot be written to.
        """
        writable(self.folder / "points")
        place = {}
        asked = [{"key": p.key, "config": place.setdefault((p.cfg, p.network), len(place)),
                  "columns": p.columns} for p in points]
        configs = [{"fields": cfg.model_dump(mode="json"), "network": network}
                   for cfg, network in place]
        text = json.dumps({"configs": configs, "points": asked}, indent=1, default=str)
        _replace(self.folder / "experiment.json", lambda path: path.write_text(text + "\n"))

    def asked(self) -> dict:
        """What `prepare` wrote.

        Raises
        ------
        FlowError
            When the folder is none of a sweep.
        """
        path = self.folder / "experiment.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FlowError(f"{self.folder}: not the folder of a sweep: {error}") from None

    def write(self, key: str, outcome: Outcome) -> None:
        """Store a point; a reader sees the whole file or none."""
        columns = {_ROW + name: pa.array([value]) for name, value in outcome.row.items()}
        columns |= {_ARRAY + name: pa.array([value.ravel()], pa.list_(pa.from_numpy_dtype(
            value.dtype))) for name, value in outcome.arrays.items()}
        columns[_OTHER + "link_names"] = pa.array([list(outcome.link_names)],
                                                  pa.list_(pa.string()))
        columns[_OTHER + "seconds"] = pa.array([outcome.seconds])
        table = pa.table(columns)
        _replace(self.path(key), lambda path: pq.write_table(table, path, compression="zstd"))

    def read(self, key: str) -> Outcome | None:
        """A point; None where it is not there, or is no whole file."""
        try:
            table = pq.ParquetFile(self.path(key)).read()
        except (OSError, pa.ArrowException):
            return None
        cells = {name: table.column(name)[0] for name in table.column_names}
        return Outcome(
            {n.removeprefix(_ROW): c.as_py() for n, c in cells.items() if n.startswith(_ROW)},
            {n.removeprefix(_ARRAY): np.asarray(c.values) for n, c in cells.items()
             if n.startswith(_ARRAY)},
            tuple(cells[_OTHER + "link_names"].as_py()), cells[_OTHER + "seconds"].as_py())

    def rows(self) -> pd.DataFrame:
        """A row for each finished point, in the order asked for: columns of the point, its key,
        figures. The wall time is left out: it alone differs from run to run."""
        found = [(each, self.read(each["key"])) for each in self.asked()["points"]]
        return pd.DataFrame([{**each["columns"], **outcome.row, "key": each["key"]}
                             for each, outcome in found if outcome is not None])

    def collate(self) -> pd.DataFrame:
        """Write `results.csv` and `results.parquet`, and return their rows."""
        frame = self.rows()
        _replace(self.folder / "results.csv", lambda path: frame.to_csv(path, index=False))
        _replace(self.folder / "results.parquet", lambda path: frame.to_parquet(path, index=False))
        return frame


def _replace(path: Path, write) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
