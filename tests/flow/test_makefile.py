"""The Makefile: its help is complete, and a variable reaches the command that it is for."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def make(*arguments: str) -> str:
    return subprocess.run(["make", *arguments], cwd=ROOT, check=True, capture_output=True,
                          text=True).stdout


def test_help_is_the_default_and_has_one_line_for_every_target():
    text = make()
    assert text == make("help")
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert targets >= {"setup", "sim", "test", "soak", "verilog", "lint", "synth", "waves",
                       "bench", "goodput", "interop", "clean", "help", "load", "sweep"}
    for target in targets:
        assert len(re.findall(rf"^  {target} +\S", text, re.MULTILINE)) == 1, target


def test_every_target_is_phony():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    assert set(phony) == set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_help_lists_every_variable_that_the_user_may_set():
    text = make("help")
    rules = "\n".join(line for line in MAKEFILE.splitlines() if not line.startswith("#"))
    used = set(re.findall(r"\$\(call option,([A-Z]+)", rules)) | {"PROFILE"}
    assert used == set(re.findall(r"^  ([A-Z]+) +\S.*$", text, re.MULTILINE))


@pytest.mark.parametrize(("arguments", "command"), [
    (["sim"], "lightloom sim --profile sim"),
    (["sim", "PROFILE=tera", "TRACE=a b.et", "SEED=7"],
     'lightloom sim --profile tera --trace "a b.et" --seed "7"'),
    (["waves", "WINDOW=500", "SKIP=3", "GPU=9"],
     'lightloom waves --profile sim --window "500" --skip "3" --endpoint "9"'),
    (["verilog", "BLOCK=link_tx", "OUT=x"],
     'lightloom verilog --profile sim --block "link_tx" --out "x"'),
    (["lint"], "lightloom lint"),
    (["lint", "PROFILE=ecp5"], 'lightloom lint --profile "ecp5"'),
    (["synth"], "lightloom synth --profile ecp5"),
    (["synth", "BLOCK=link", "SEEDS=3", "PEER=../verilog-ethernet"],
     'lightloom synth --profile ecp5 --block "link" --seeds "3" --peer "../verilog-ethernet"'),
    (["synth", "PORTS=4,8", "BITS=256"],
     'lightloom synth --profile ecp5 --ports "4,8" --bits "256"'),
    (["load"], "lightloom rack sweep --profile sim --loads 0.1:0.9:0.2 --out build/load"),
    (["load", "LOADS=0.1,0.5", "SEEDS=3", "WORKERS=4"],
     'lightloom rack sweep --profile sim --loads "0.1,0.5" --seeds "3" --workers "4" '
     "--out build/load"),
    (["sweep", "EXPERIMENT=a.toml", "WORKERS=4"],
     'lightloom rack sweep "a.toml" --workers "4"'),
    (["interop", "PEER=../verilog-ethernet"],
     'lightloom interop --peer "../verilog-ethernet"'),
])
def test_target_passes_its_variables(arguments, command):
    last = make("-n", *arguments).splitlines()[-1].split()
    assert last == f".venv/bin/{command}".split()


def test_tests_leave_the_long_ones_out_and_write_junit_xml():
    assert '-m "not long" --junitxml=build/junit.xml' in make("-n", "test")
    assert "-m long" in make("-n", "soak")
