"""Setup refuses clearly where it cannot install, and does nothing where nothing is to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ["bash", "cat", "cut", "dirname", "env", "id", "ln", "sha256sum"]
IVERILOG = ("iverilog", "exit 0")
NEW_PYTHON_WITHOUT_VENV = ("python3", """case "$2" in
    *ensurepip*) exit 1 ;; *version_info*2*) echo 3.11 ;; esac""")
OLD_PYTHON = ("python3", "exit 1")


@pytest.fixture
def tree(tmp_path):
    """A copy of what setup reads, and a PATH that has its shell tools only."""
    for name in ("requirements.lock", "pyproject.toml", "flow/setup.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return tmp_path


def setup(tree: Path, *programs: tuple[str, str],
          arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    """Run setup with `programs` (name, shell script) added to the bare PATH."""
    for name, script in programs:
        path = tree / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHON"}
    return subprocess.run([tree / "flow" / "setup.sh", *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env={**environment, "PATH": str(tree / "bin")})


def refusal(run: subprocess.CompletedProcess) -> str:
    assert run.returncode == 3, run.stdout + run.stderr
    return run.stderr.replace("\n", " ")


def test_missing_icarus_without_apt_names_the_package(tree):
    text = refusal(setup(tree))
    assert "Icarus Verilog is missing, and there is no apt-get" in text
    assert "iverilog" in text


def test_missing_icarus_without_root_says_what_to_run(tree):
    text = refusal(setup(tree, ("apt-get", "exit 0"), ("id", "echo 1000")))
    assert "needs root" in text
    assert "as root, run: apt-get update && apt-get install -y iverilog" in text


def test_apt_that_fails_says_what_to_run(tree):
    run = setup(tree, ("apt-get", "exit 100"), ("id", "echo 0"))
    assert "Icarus Verilog could not be installed. as root, run: apt-get" in refusal(run)
    assert "apt-get update failed" in run.stdout


def test_apt_is_updated_before_it_installs(tree):
    log = tree / "apt.log"
    setup(tree, ("apt-get", f'echo "$*" >> {log}'), ("id", "echo 0"), OLD_PYTHON)
    assert log.read_text().splitlines() == ["update -qq", "install -y -qq iverilog"]


def test_old_python_is_refused_with_how_to_name_another(tree):
    text = refusal(setup(tree, IVERILOG, OLD_PYTHON))
    assert "needs Python 3.11 or newer" in text and "make setup PYTHON=" in text


def test_python_without_venv_names_its_package(tree):
    text = refusal(setup(tree, IVERILOG, NEW_PYTHON_WITHOUT_VENV))
    assert "Python's venv is missing" in text and "python3.11-venv" in text


def test_finished_setup_is_silent_and_quick(tree):
    (tree / ".venv" / "bin").mkdir(parents=True)
    python = tree / ".venv" / "bin" / "python"
    python.write_text("#!/bin/bash\nexit 0\n")
    python.chmod(0o755)
    done = subprocess.run("cat requirements.lock pyproject.toml flow/setup.sh | sha256sum",
                          shell=True, cwd=tree, capture_output=True, text=True).stdout.split()[0]
    (tree / ".venv" / ".lightloom-setup").write_text(done)
    run = setup(tree, IVERILOG)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_changed_lock_is_installed_again(tree):
    test_finished_setup_is_silent_and_quick(tree)
    with (tree / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    assert "installing the packages of requirements.lock" in setup(tree, IVERILOG).stdout
