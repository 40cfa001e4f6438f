"""What pyproject.toml and requirements.lock say is what the tree holds."""

import re
import tomllib
from pathlib import Path, PurePath

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LAYERS = ("config", "flow", "formal", "hdl", "sim", "tb")


def test_every_package_of_the_tree_is_listed_and_no_other():
    found = {"lightloom." + ".".join(path.parent.relative_to(ROOT).parts)
             for layer in LAYERS for path in (ROOT / layer).rglob("__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_folder_with_python_is_a_package():
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


def test_every_data_file_is_shipped():
    listed = PROJECT["tool"]["setuptools"]["package-data"]
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*"):
            built = "__pycache__" in path.parts
            if built or path.is_dir() or path.suffix in {".py", ".sh"}:
                continue
            owner = next(p for p in path.parents if (p / "__init__.py").exists())
            package = "lightloom." + ".".join(owner.relative_to(ROOT).parts)
            inside = path.relative_to(owner)
            # As setuptools matches: from the package down, and * stays within a folder.
            assert any(len(inside.parts) == len(PurePath(glob).parts) and inside.match(glob)
                       for glob in listed.get(package, [])), path


def test_lock_pins_every_dependency_with_a_hash():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)(==\S+)", lock, re.MULTILINE))
    groups = PROJECT["project"]["optional-dependencies"].values()
    for entry in PROJECT["project"]["dependencies"] + [e for group in groups for e in group]:
        assert re.match(r"[a-z0-9-]+", entry)[0] in pinned, entry
    assert "setuptools" in pinned
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)


def test_lock_names_no_index_and_no_folder_of_its_maker():
    lock = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"https?:|file:|--index|--find-links|\(/", lock)
