"""The browser of the report's test: installed where it can be, and never in the way."""

import pytest
from test_setup import setup, test_finished_setup_is_silent_and_quick, tree  # noqa: F401


@pytest.fixture
def ready(tree):  # noqa: F811
    """A tree in which all but the browser is there."""
    test_finished_setup_is_silent_and_quick(tree)
    return tree


def test_browser_is_left_alone_where_it_is_there_or_nobody_asks_for_it(ready):
    log = ready / "apt.log"
    apt = ("apt-get", f'echo "$*" >> {log}')
    assert setup(ready, apt).returncode == 0
    run = setup(ready, apt, ("chromium", "exit 0"), ("chromedriver", "exit 0"),
                arguments=("--browser",))
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not log.exists()


def test_missing_browser_is_installed(ready):
    log = ready / "apt.log"
    run = setup(ready, ("apt-get", f'echo "$*" >> {log}'), ("id", "echo 0"),
                arguments=("--browser",))
    assert run.returncode == 0, run.stderr
    assert log.read_text().splitlines() == ["update -qq", "install -y -qq chromium chromium-driver"]


def test_browser_that_cannot_be_had_stops_nothing(ready):
    run = setup(ready, arguments=("--browser",))
    assert run.returncode == 0
    assert "that test will be skipped" in run.stdout
    assert "chromium chromium-driver" in run.stderr
