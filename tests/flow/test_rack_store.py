"""A sweep on disk: what is written is what is read, whole or not at all."""

import json

import numpy as np
import pandas as pd
import pytest
from rack_cases import outcome, points

from lightloom.flow.errors import FlowError
from lightloom.flow.rack import Store


@pytest.fixture
def filled(tmp_path, seed):
    """A store with all points but the last, and what was written."""
    store, asked, rng = Store(tmp_path / "sweep"), points(), np.random.default_rng(seed)
    store.prepare(asked)
    written = {point.key: outcome(point, rng) for point in asked[:-1]}
    for key, each in written.items():
        store.write(key, each)
    return store, asked, written


def test_point_is_read_as_it_was_written(filled):
    store, _, written = filled
    for key, each in written.items():
        found = store.read(key)
        assert found.row == each.row
        assert {name: type(value) for name, value in found.row.items()} == {
            name: type(value) for name, value in each.row.items()}
        assert (found.link_names, found.seconds) == (each.link_names, each.seconds)
        assert found.arrays.keys() == each.arrays.keys()
        for name, values in each.arrays.items():
            assert found.arrays[name].dtype == values.dtype
            assert np.array_equal(found.arrays[name], values)


def test_file_that_is_not_whole_is_no_point(filled):
    store, asked, _ = filled
    path = store.path(asked[0].key)
    path.write_bytes(path.read_bytes()[:-20])
    assert store.read(asked[0].key) is None and store.read(asked[-1].key) is None
    assert len(store.rows()) == len(asked) - 2


def test_write_that_fails_leaves_nothing(filled, monkeypatch):
    store, asked, written = filled
    monkeypatch.setattr("pyarrow.parquet.write_table",
                        lambda table, path, **_: (path.write_bytes(b"half"), 1 // 0))
    with pytest.raises(ZeroDivisionError):
        store.write(asked[-1].key, next(iter(written.values())))
    assert sorted(path.stem for path in (store.folder / "points").iterdir()) == sorted(written)


def test_tables_have_the_rows_in_the_order_asked_for_and_no_wall_time(filled):
    store, asked, _ = filled
    frame = store.collate()
    assert frame.key.tolist() == [point.key for point in asked[:-1]]
    assert frame.load.tolist() == [0.2, 0.2, 0.5] and frame.seed.tolist() == [1, 2, 1]
    assert "seconds" not in frame
    again = pd.read_parquet(store.folder / "results.parquet")
    pd.testing.assert_frame_equal(again, frame, check_dtype=False)
    read = pd.read_csv(store.folder / "results.csv", keep_default_na=False)
    assert read.latency_mean.tolist() == frame.latency_mean.tolist()


def test_experiment_names_the_configuration_of_each_point(filled):
    store, asked, _ = filled
    text = json.loads((store.folder / "experiment.json").read_text())
    assert len(text["configs"]) == 1 and len(text["points"]) == len(asked)
    assert text["configs"][0]["fields"]["rack"]["endpoints"] == 8


def test_folder_of_no_sweep_is_refused(tmp_path):
    with pytest.raises(FlowError, match="not the folder of a sweep"):
        Store(tmp_path).rows()


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FlowError, match="cannot be written: Not a directory"):
        Store(tmp_path / "file").prepare(points())
