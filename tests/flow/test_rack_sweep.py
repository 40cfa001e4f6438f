"""Sweeps of the real model: the same tables whoever runs the points, and nothing lost."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rack_cases import SMALL, points

from lightloom.flow.errors import CheckError, FlowError
from lightloom.flow.rack import Pool, Store, run, sweep
from lightloom.flow.rack import pool as pools

HERE = Pool(workers=0)
LIGHTLOOM = Path(sys.executable).with_name("lightloom")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The sweep in this process: its folder and points."""
    asked = points(loads=[0.1, 0.3, 0.5, 0.7], cycles=2000)
    done = run(asked, tmp_path_factory.mktemp("reference"), HERE, progress=False)
    assert (done.ran, done.resumed, len(done.table)) == (8, 0, 8)
    return done.folder, asked


def same_tables(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes()
               for name in ("results.csv", "results.parquet", "experiment.json"))


def workers() -> list[psutil.Process]:
    """Worker processes of this one."""
    return [child for child in psutil.Process().children()
            if "--multiprocessing-fork" in child.cmdline() or "spawn_main" in str(child.cmdline())]


def test_three_workers_of_which_one_is_killed_give_the_tables_of_one_process(reference, tmp_path,
                                                                             monkeypatch):
    folder, asked = reference
    killed = []
    real = Store.write

    def kill_then_write(self, key, outcome):
        # The first result is here: the others run, or wait for a worker.
        if not killed:
            killed.append(workers()[0])
            killed[0].kill()
        real(self, key, outcome)

    monkeypatch.setattr(Store, "write", kill_then_write)
    done = run(asked, tmp_path, Pool(workers=3), progress=False)
    assert done.ran == 8 and killed and not killed[0].is_running()
    assert same_tables(folder, tmp_path)
    assert not workers()


def test_rerun_runs_what_is_missing_and_nothing_else(reference, tmp_path):
    folder, asked = reference
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    store = Store(tmp_path)
    store.path(asked[3].key).unlink()
    store.path(asked[5].key).write_bytes(b"no whole file")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "points").iterdir()
            if path not in (store.path(asked[5].key),)}
    done = run(asked, tmp_path, HERE, progress=False)
    assert (done.ran, done.resumed) == (2, 6)
    assert same_tables(folder, tmp_path)
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_points_of_one_key_run_once_and_have_a_row_each(reference, tmp_path):
    _, asked = reference
    twice = [replace(asked[0], labels=(("variant", name),)) for name in "ab"]
    done = run(twice, tmp_path, HERE, progress=False)
    assert (done.ran, done.table.variant.tolist()) == (1, ["a", "b"])


def test_point_that_fails_is_said_and_the_others_are_kept(tmp_path):
    # A square number of GPUs is needed, which only the run finds out.
    asked = points(loads=[0.2], seeds=1)
    bad = replace(asked[0].work, traffic=tuple(
        {**dict(asked[0].work.traffic), "pattern": "transpose"}.items()))
    with pytest.raises(CheckError, match=r"1 of 2 points failed; the first, pattern transpose.*"
                                         r"rack\.endpoints = 8: must be a square"):
        run([replace(asked[0], work=bad), *asked], tmp_path, HERE, progress=False)
    assert Store(tmp_path).rows().pattern.tolist() == ["uniform"]


@pytest.mark.parametrize("count", [0, 2])
def test_ctrl_c_leaves_what_was_finished(tmp_path, count):
    run = subprocess.Popen(
        [LIGHTLOOM, "rack", "sweep", "--loads", "0.1:0.8:0.1", "--seeds", "3",
         "--set", "rack.endpoints=8", "--set", "rack.radix=4", "--cycles", "40000",
         "--workers", str(count), "--out", tmp_path],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # Tests may run in the background, where the shell has children ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        while not list(tmp_path.glob("points/*.parquet")):
            assert run.poll() is None, run.stderr.read()
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        _, error = run.communicate(timeout=120)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == 130, error
    kept = Store(tmp_path).rows()
    assert 1 <= len(kept) < 24
    message = error.strip().splitlines()[-1]
    assert message.startswith(f"error: interrupted: {len(kept)} of 24 points are in {tmp_path}")
    assert len((tmp_path / "results.csv").read_text().splitlines()) == len(kept) + 1
    assert not [path for path in (tmp_path / "points").iterdir() if path.suffix != ".parquet"]
    assert "Traceback" not in error


def test_scheduler_and_batch_jobs_give_the_same_tables(reference, tmp_path, monkeypatch):
    """A `sbatch` that starts the job's script at once stands for Slurm."""
    folder, asked = reference
    programs, started = tmp_path / "bin", tmp_path / "job"
    programs.mkdir()
    start = f"cp $1 {started}; setsid bash {started} >{tmp_path}/log 2>&1 &"
    for name, script in (("sbatch", f"{start}\necho Submitted batch job 77"),
                         ("scancel", "exit 0")):
        (programs / name).write_text(f"#!/bin/bash\n{script}\n")
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    slurm = Pool(cluster="slurm", queue="batch", account="lab", jobs=1, cores=1, memory="2GB",
                 walltime="00:10", directives=("--exclusive",))
    with pools.client(slurm) as client:
        address = client.scheduler.address
        done = run(asked, tmp_path / "out", Pool(scheduler=address), progress=False)
        client.retire_workers()
    assert done.ran == 8
    assert same_tables(folder, tmp_path / "out")
    script = started.read_text()
    for line in ("-p batch", "-A lab", "-t 00:10", "--mem=2G", "--cpus-per-task=1", "--exclusive"):
        assert f"#SBATCH {line}" in script


def test_lsf_job_has_queue_and_project(monkeypatch):
    pytest.importorskip("dask_jobqueue")
    from dask_jobqueue.lsf import LSFCluster

    monkeypatch.setattr(LSFCluster, "scale", lambda self, jobs: None)
    with pools._batch(Pool(cluster="lsf", queue="long", account="lab", cores=4)) as cluster:
        script = cluster.job_script()
    assert "#BSUB -q long" in script and '#BSUB -P "lab"' in script and "#BSUB -n 4" in script


def test_cluster_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(pools, "find_spec", lambda name: None)
    with pytest.raises(FlowError, match=r"cluster slurm: needs dask-jobqueue.*lightloom\[cluster"):
        pools._batch(Pool(cluster="slurm"))


@pytest.mark.parametrize(("fields", "expected"), [
    ({"workers": -1}, "workers = -1: must be 0"), ({"cluster": "pbs"}, "'pbs': not one of slurm"),
    ({"cluster": "lsf", "scheduler": "tcp://a:1"}, "give one of them"),
    ({"jobs": 0}, "jobs = 0: must be at least 1")])
def test_pool_that_cannot_be_is_refused(fields, expected):
    with pytest.raises(FlowError, match=expected):
        Pool(**fields)


def test_scheduler_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "CONNECT_SECONDS", 1)
    with pytest.raises(FlowError, match="scheduler tcp://127.0.0.1:9: cannot be reached"):
        run(points(), tmp_path, Pool(scheduler="tcp://127.0.0.1:9"), progress=False)


def test_notebook_call_gives_a_frame_and_keeps_nothing_unless_told(reference, tmp_path):
    _, asked = reference
    frame = sweep(SMALL, loads=[0.1, 0.3], seeds=2, cycles=2000, workers=0)
    assert frame.key.tolist() == [point.key for point in asked[:4]]
    assert (abs(frame.accepted - frame.load) < 0.05).all()
    assert not list(tmp_path.iterdir())
