"""The report: one file that needs no network, and says what the result says."""

import re
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from lightloom import config
from lightloom.flow import plots, report, result
from lightloom.flow.errors import FlowError
from lightloom.flow.result import Result


def outcome(**changes) -> Result:
    fields = {
        "profile": "sim", "trace": "step <b>&", "gpus": 1024, "window_cycles": 20_000,
        "flits": 12_345, "rtl_cycles": 20_100, "mismatches": 0, "payload_efficiency": 0.873,
        "latency_cycles": np.arange(100, 201), "core_mhz": 500.0, "model_cycles_per_s": 81_000,
        "rtl_cycles_per_s": 9_300, "flit_hops_per_s": 1.25e7, "link_use": np.full((20, 3), 0.25),
        "bucket_cycles": 1000, "seed": 7, "vc_flits": [10_000, 2_345],
        "config": config.load("sim").model_dump(), **changes}
    return Result(**fields)


def page(tmp_path, **changes) -> str:
    """The page without Plotly's own script."""
    text = report.write(outcome(**changes), tmp_path).read_text()
    return text.replace(report.get_plotlyjs(), "")


def test_report_loads_nothing_from_anywhere(tmp_path):
    text = page(tmp_path)
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", text)
    assert report.get_plotlyjs() in (tmp_path / "index.html").read_text()


def test_report_shows_the_headline_figures(tmp_path):
    text = page(tmp_path)
    for shown in ("12,345", "87.3", "100 / 150 / 199 cycles  (200 / 300 / 398 ns)", "1,024",
                  "12.5M flit-hops/s", "<td>seed</td><td>7</td>", "<code>link.replay_flits</code>",
                  "agree on each of 12,345 flits"):
        assert shown in text, shown
    assert text.count('class="plot"') == len(report.SECTIONS) == 4


def test_report_escapes_what_comes_from_outside(tmp_path):
    assert "step &lt;b&gt;&amp;" in page(tmp_path)
    text = page(tmp_path, link_names=["a</script>b", "c", "d"])
    assert "</script>b" not in text


def test_mismatches_are_listed_with_a_verdict(tmp_path):
    text = page(tmp_path, mismatches=2, mismatch_list=["flit 1: port 2", "flit 5: port 0"])
    assert "RTL and model differ: 2" in text and "agree on" not in text
    assert "flit 1: port 2\nflit 5: port 0" in text


def test_waveform_is_named_with_how_to_open_it(tmp_path):
    assert f"gtkwave {tmp_path}/a.fst" in page(tmp_path, waveform=tmp_path / "a.fst")
    assert "make waves" in page(tmp_path)


def test_run_without_packets_or_links_still_gives_a_report(tmp_path):
    text = page(tmp_path, latency_cycles=np.array([]), link_use=np.zeros((0, 0)), vc_flits=[])
    assert text.count("no packet was delivered in the window") == 2
    assert "no link was observed" in text and "nan" not in text.lower()


def test_histogram_counts_every_packet_once_in_bars_of_whole_cycles():
    latencies = np.array([100] * 5 + [101] * 3 + [107] + [100_000])
    bars = plots.latency(outcome(latency_cycles=latencies)).data[0]
    assert sum(bars.y) == len(latencies)
    assert float(bars.width) % 1 == 0


def test_heat_map_has_a_row_for_each_link_in_per_cent():
    figure = plots.link_use(outcome(link_use=np.array([[0.0, 1.0], [0.5, 0.25]])))
    assert np.array(figure.data[0].z).tolist() == [[0, 50], [100, 25]]
    assert list(figure.data[0].x) == [0, 1000]


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FlowError, match=r"index\.html: cannot be written: "):
        report.write(outcome(), tmp_path / "file")


@pytest.mark.parametrize(("value", "text"), [
    (0.5, "0.5"), (999, "999"), (1000, "1k"), (81_234, "81.2k"), (1.25e7, "12.5M"), (3e9, "3G")])
def test_quantities_have_three_digits_and_a_letter(value, text):
    assert result.quantity(value) == text


def test_terminal_table_shows_figures_and_the_first_mismatches(monkeypatch):
    out = StringIO()
    monkeypatch.setattr(result, "Console", lambda: Console(file=out, width=100))
    lines = [f"flit {k}: port [red]" for k in range(12)]
    result.print_table(outcome(mismatches=12, mismatch_list=lines))
    text = out.getvalue()
    assert "12,345" in text and "RTL and model differ: 12 mismatches" in text
    assert "mismatch: flit 9: port [red]" in text and "flit 10" not in text
    assert "and 2 more in the report" in text
