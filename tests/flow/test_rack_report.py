"""The report of a sweep: one file without a network, whose figures are those of the data."""

import json
import re
import shutil

import numpy as np
import pytest
from rack_cases import SMALL, outcome, points

from lightloom.flow.errors import FlowError
from lightloom.flow.rack import Store, curves, gpu_losses, report, write_report

FAULT = {"": "", "dead </script>.toml": "# a schedule that nobody runs"}
LOST = (2, 5)
"""GPUs that the made-up fault halves."""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A folder with made-up points: a stable and a saturated load, with and without a fault."""
    store = Store(tmp_path_factory.mktemp("report") / "sweep")
    asked = points(SMALL, faults=FAULT, seeds=3)
    store.prepare(asked)
    rng = np.random.default_rng(1)
    for point in asked:
        factor = np.ones(8)
        if point.fault:
            factor[list(LOST)] = 0.5
        saturated = point.columns["load"] == 0.5 and point.seed == 2
        store.write(point.key, outcome(point, rng, stable=not saturated, factor=factor))
    write_report(store.folder)
    return store


def mean(store, fault: str, load: float, name: str) -> np.ndarray:
    """Of an array in flits a cycle, over the seeds."""
    rows = store.rows()
    keys = rows[(rows.fault == fault) & (rows.load == load)].key
    total = sum(store.read(key).arrays[name] for key in keys)
    return total / (len(keys) if name == "link_use" else 900 * len(keys))


def test_page_loads_nothing_and_escapes_what_comes_from_outside(sweep):
    page = (sweep.folder / "report.html").read_text().replace(report.get_plotlyjs(), "")
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    assert "dead </script>" not in page
    assert page.count('class="plot"') == 4


def test_page_of_part_of_a_sweep_says_so(sweep, tmp_path):
    shutil.copytree(sweep.folder, tmp_path, dirs_exist_ok=True)
    last = json.loads((tmp_path / "experiment.json").read_text())["points"][-1]["key"]
    Store(tmp_path).path(last).unlink()
    assert "1 of 12 points are not finished" in write_report(tmp_path).read_text()


def test_sweep_without_a_point_has_nothing_to_report(tmp_path):
    Store(tmp_path).prepare(points())
    with pytest.raises(FlowError, match="no point is finished"):
        write_report(tmp_path)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Headless Chromium."""
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("needs Chromium and its driver: flow/setup.sh --browser installs them")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for flag in ("headless", "no-sandbox", "disable-gpu", "no-first-run", "disable-sync",
                 "disable-background-networking", "disable-component-update",
                 "window-size=1400,1600",
                 f"user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(f"--{flag}")
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


class Page:
    """What a person sees and does."""

    def __init__(self, driver, path):
        from selenium.webdriver.common.by import By

        self.driver, self.by, self.asked = driver, By, []
        driver.get(path.resolve().as_uri())

    def point_at(self, selector: str) -> None:
        from selenium.webdriver import ActionChains

        element = self.driver.find_element(self.by.CSS_SELECTOR, selector)
        ActionChains(self.driver).move_to_element(element).perform()

    def choose(self, name: str, text: str) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.driver.find_element(self.by.ID, name)).select_by_visible_text(text)

    def text(self, name: str) -> str:
        return self.driver.find_element(self.by.ID, name).text

    def figures(self) -> dict[str, list[str]]:
        """The panel's table: cells by the row's name."""
        rows = self.driver.find_elements(self.by.CSS_SELECTOR, "#figures tr")
        cells = [[cell.text for cell in row.find_elements(self.by.TAG_NAME, "td")]
                 for row in rows]
        return {row[0]: row[1:] for row in cells if row}

    def colour(self, node: int) -> str:
        return self.driver.find_element(
            self.by.CSS_SELECTOR, f'[data-node="{node}"]').get_attribute("fill")


@pytest.fixture(scope="module")
def opened(browser, sweep):
    """The page, opened once, and what it asked for."""
    browser.get_log("performance")
    return Page(browser, sweep.folder / "report.html")


@pytest.fixture
def page(opened):
    yield opened
    assert opened.driver.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"]
                for entry in opened.driver.get_log("performance")]
    # The browser's own pages are none of the report's.
    opened.asked += [each["params"]["request"]["url"] for each in messages
                     if each["method"] == "Network.requestWillBeSent"
                     and not each["params"]["documentURL"].startswith("chrome://")]
    assert len(opened.asked) == 1 and opened.asked[0].startswith("file:///"), opened.asked


def test_hover_shows_the_figures_of_a_gpu_a_switch_and_a_link(page, sweep):
    use = mean(sweep, "", 0.2, "link_use")
    names = sweep.read(sweep.rows().key[0]).link_names
    page.choose("run", "uniform · load 0.2")
    page.choose("fault", "none")
    page.point_at('[data-node="3"]')
    assert page.text("subject") == "gpu 3"
    shown = page.figures()
    assert shown["received, flits a cycle"] == [f"{mean(sweep, '', 0.2, 'received_by')[3]:.4f}"]
    assert shown["sent, flits a cycle"] == [f"{mean(sweep, '', 0.2, 'sent_by')[3]:.4f}"]
    up = names.index("gpu 3 -> leaf 1")
    assert shown["gpu 3 → leaf 1"] == [f"{100 * use[up]:.1f} %"]
    page.point_at(f'[data-node="{8 + 4}"]')
    assert page.text("subject") == "spine 0"
    into = [k for k, name in enumerate(names) if name.endswith("-> spine 0")]
    assert page.figures()["4 links in, mean use"] == [f"{100 * use[into].mean():.1f} %"]
    page.point_at("[data-link]")
    link = int(page.driver.find_element(
        page.by.CSS_SELECTOR, "[data-link]").get_attribute("data-link"))
    assert page.figures()[names[link].replace("->", "→")] == [f"{100 * use[link]:.1f} %"]


def test_fault_shows_the_difference_and_whom_it_hits(page, sweep):
    fault = "dead </script>.toml"
    before, after = (mean(sweep, name, 0.2, "received_by") for name in ("", fault))
    page.choose("run", "uniform · load 0.2")
    page.choose("fault", "none")
    plain = page.colour(2)
    assert not page.text("hit")
    page.choose("fault", fault)
    page.point_at('[data-node="2"]')
    change = after[2] - before[2]
    assert page.figures()["received, flits a cycle"] == [
        f"{before[2]:.4f}", f"{after[2]:.4f}", f"−{-change:.4f}"]
    assert page.colour(2) != plain
    rows = sweep.rows()
    lost = gpu_losses(before * 2700, after * 2700, cycles=(2700, 2700))
    hit = lost[lost.sure]
    assert set(LOST) <= set(hit.gpu)
    assert page.text("hit").startswith(f"{len(hit)} of 8 GPUs receive less")
    first = page.text("losers").splitlines()[0]
    assert first == (f"gpu {hit.gpu[0]} {hit.before[0]:.4f} {hit.after[0]:.4f} "
                     f"{100 * hit.lost[0]:.1f} %")
    curve = curves(rows)
    row = curve[(curve.fault == fault) & (curve.load == 0.2)].iloc[0]
    assert f"{row.latency_mean:,.1f} ± {row.latency_ci:,.1f}" in page.text("runfigures")


def test_saturated_run_has_no_latency_and_says_why(page):
    page.choose("run", "uniform · load 0.5")
    page.choose("fault", "none")
    assert "none: saturated" in page.text("runfigures")
    assert "Saturated: packets in the system grow" in page.text("verdict")


def test_plots_draw_what_the_curves_say(page, sweep):
    drawn = page.driver.execute_script(
        "return document.getElementById('plot-0').data.map(t => [t.name, t.x, t.y])")
    curve = curves(sweep.rows())
    good = curve[(curve.fault == "") & (curve.saturated == 0)]
    name, x, y = drawn[0]
    assert (name, x) == ("no fault", good.load.tolist())
    assert y == pytest.approx(good.latency_mean.tolist())
    crosses = [t for t in drawn if t[0] == "no fault: saturated"]
    assert crosses[0][1] == [0.5]


def test_zoom_find_and_dark_mode_work(page):
    from selenium.webdriver.common.keys import Keys

    box = page.driver.find_element(page.by.ID, "map").get_dom_attribute("viewBox")
    page.driver.execute_script(
        "document.getElementById('map').dispatchEvent(new WheelEvent('wheel', "
        "{deltaY: -300, clientX: 400, clientY: 500, cancelable: true}))")
    assert page.driver.find_element(page.by.ID, "map").get_dom_attribute("viewBox") != box
    find = page.driver.find_element(page.by.ID, "find")
    find.send_keys("GPU 6", Keys.TAB)
    assert page.text("subject") == "gpu 6"
    light = page.colour(0)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    try:
        assert page.colour(0) != light
        assert page.driver.execute_script(
            "return document.getElementById('plot-0').layout.font.color") == "#e4e8ee"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
