"""The HTML report in a real browser: drawn, linked, without errors, without network."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from replay.report import write_comparison, write_report
from replay.statistics import mark_outs_by_group, summarize

START = 1_723_075_200_000_000  # µs, 2024-08-08
HOSTILE = "</script><script>document.title = 'broken'</script>"

pytestmark = pytest.mark.slow


def simulate(seed, marks=12_000):
    """Return account marks and fills of a made-up market maker."""
    rng = np.random.default_rng(seed)
    ts = START + np.sort(rng.integers(0, 3_600_000_000, marks))
    mid = 60_000 + np.cumsum(rng.normal(size=marks))
    at = np.sort(rng.choice(marks, 150, replace=False))
    side = np.where(np.arange(150) // 3 % 2, -1, 1)
    price = mid[at] - side * 2.0
    traded, paid = np.zeros(marks), np.zeros(marks)
    traded[at], paid[at] = side * 0.01, -side * 0.01 * price
    position = np.cumsum(traded)
    account = pl.DataFrame(
        {"ts": ts, "mid": mid, "position": position, "equity": np.cumsum(paid) + position * mid}
    )
    fills = pl.DataFrame(
        {
            "ts_local": ts[at], "client_order_id": np.arange(150), "side": side, "price": price,
            "qty": np.full(150, 0.01), "maker": np.arange(150) % 4 > 0, "fee": np.zeros(150),
        }
    )  # fmt: skip
    return account, fills


@pytest.fixture
def report(tmp_path):
    """Return the address of a report whose words try to break out."""
    account, fills = simulate(1)
    summary = summarize(account, fills, orders=400, capital=10_000.0)
    summary |= {"params": {"half_spread": 2.0, HOSTILE: HOSTILE}}
    path = tmp_path / "report.html"
    write_report(path, title=f"Made up {HOSTILE}", summary=summary, account=account, fills=fills)
    return path.as_uri()


INKED = """[...document.querySelectorAll('.uplot canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const seen = new Map();
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 200) { const c = data.slice(i, i + 3).join(); seen.set(c, (seen.get(c) || 0) + 1); }
  }
  return Object.fromEntries(seen);
})"""


def rgb(page, name):
    """Return a colour of the page as it stands in a canvas."""
    text = page.run(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}')")
    return ",".join(str(int(text.strip()[i : i + 2], 16)) for i in (1, 3, 5))


def shown(page):
    return page.run("extremaReport.charts.map((c) => [c.scales.x.min, c.scales.x.max])")


def middle(page, chart, share):
    """Return a point of a chart's plotting area, at a share of its width."""
    box = page.run(
        f"(() => {{ const b = extremaReport.charts[{chart}].over.getBoundingClientRect();"
        " return [b.left, b.top, b.width, b.height]; })()"
    )
    return box[0] + box[2] * share, box[1] + box[3] / 2


def test_everything_is_drawn_without_errors_and_without_network(page, report, tmp_path):
    page.open(report)
    page.picture(tmp_path / "light.png")
    inks = page.run(INKED)
    assert len(inks) == 4
    for ink, colours in zip(inks, (("price", "buy", "sell"), ("c1",), ("fall",), ("position",)),
                            strict=True):  # fmt: skip
        for name in colours:
            assert ink.get(rgb(page, name), 0) > 50, f"{name} is not drawn"
    assert page.errors == []
    assert [url for url in page.requests if not url.startswith("file:")] == []


def test_words_of_the_user_stay_words(page, report):
    page.open(report)
    assert HOSTILE in page.run("document.querySelector('h1').textContent")
    assert HOSTILE in page.run("document.title")
    assert page.run("document.scripts.length") == 3
    assert HOSTILE in page.run("document.querySelector('.tables').textContent")


def test_dragging_in_one_chart_zooms_all_and_double_click_shows_all(page, report):
    page.open(report)
    before = shown(page)
    assert len({tuple(each) for each in before}) == 1
    page.drag(middle(page, 1, 0.25), middle(page, 1, 0.5))
    zoomed = shown(page)
    assert len({tuple(each) for each in zoomed}) == 1
    width = before[0][1] - before[0][0]
    assert zoomed[0][0] == pytest.approx(before[0][0] + width / 4, abs=width / 50)
    assert zoomed[0][1] == pytest.approx(before[0][0] + width / 2, abs=width / 50)
    x, y = middle(page, 0, 0.5)
    for clicks in (1, 2):
        page.mouse("mousePressed", x, y, button="left", clickCount=clicks)
        page.mouse("mouseReleased", x, y, button="left", clickCount=clicks)
    page.settle()
    assert shown(page) == before
    assert page.errors == []


def test_keys_zoom_move_and_reset_within_the_run(page, report):
    page.open(report)
    first, last = shown(page)[0]
    page.key("ArrowRight")
    assert shown(page)[0] == [first, last]  # nowhere to go
    page.key("+")
    near = shown(page)[0]
    assert first < near[0] < near[1] < last
    page.key("ArrowRight")
    assert shown(page)[0][0] > near[0]
    for _ in range(40):
        page.key("ArrowRight")
    assert shown(page)[0][1] == pytest.approx(last)
    page.key("0")
    assert shown(page)[0] == [first, last]


def test_a_fill_tells_about_itself_under_the_pointer(page, report):
    page.open(report)
    x, y = page.run("""(() => {
      const chart = extremaReport.charts[0], box = chart.over.getBoundingClientRect();
      const at = chart.data[2].findIndex((v) => v != null);
      return [box.left + chart.valToPos(chart.data[0][at], 'x'),
              box.top + chart.valToPos(chart.data[2][at], 'y')];
    })()""")
    page.mouse("mouseMoved", x + 1, y + 1)
    page.settle()
    text = page.run("document.querySelector('.tip:not([hidden])').textContent")
    assert text.startswith("Buy 0.01 at ")
    assert "2024-08-08 00:" in text


def test_dark_is_followed_and_can_be_switched(page, report, tmp_path):
    page.open(report)
    light = page.run("getComputedStyle(document.body).backgroundColor")
    page.dark(on=True)
    page.settle()
    dark = page.run("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    assert page.run(INKED)[1].get(rgb(page, "c1"), 0) > 50
    page.picture(tmp_path / "dark.png")
    page.run("document.getElementById('theme').click()")
    page.settle()
    assert page.run("getComputedStyle(document.body).backgroundColor") == light
    assert page.run(INKED)[1].get(rgb(page, "c1"), 0) > 50
    assert page.errors == []


def test_a_narrow_window_needs_no_sideways_scrolling(page, report):
    page.open(report, width=420, height=900)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.size(1000, 900)
    page.settle()
    page.settle()
    assert page.run("extremaReport.charts.every((c) => c.width > 800)")


def test_drawings_of_orders_and_fills_fit_their_cards(page, tmp_path):
    account, fills = simulate(2, marks=2_000)
    later = np.repeat(fills["price"].to_numpy()[:, None], 7, axis=1) + np.arange(-3.0, 4.0)
    outcome = {"filled": 150, "partly filled": 1, "canceled": 240, "expired": 0, "rejected": 9}
    summary = {"mark_outs": mark_outs_by_group(fills, later), "outcomes": outcome}
    path = write_report(
        tmp_path / "d.html", title="D", summary=summary, account=account, fills=fills
    )
    for width in (1_300, 420):
        page.open(path.as_uri(), width=width, height=900)
        boxes = page.run("""[...document.querySelectorAll('.drawings .card')].map((card) => {
          const inner = card.querySelector('svg, table').getBoundingClientRect();
          const outer = card.getBoundingClientRect();
          return [inner.width, inner.height, inner.right <= outer.right, inner.left >= outer.left];
        })""")
        assert len(boxes) == 3
        for wide, high, right, left in boxes:
            assert min(wide, high) > 100
            assert right
            assert left
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.picture(tmp_path / "drawings.png")
    assert page.errors == []


def test_comparison_draws_each_run_in_its_colour(page, tmp_path):
    runs = {}
    for seed, name in enumerate(("first", "second", "third <b>")):
        account, fills = simulate(seed, marks=3_000)
        runs[name] = (summarize(account, fills), account)
    page.open(write_comparison(tmp_path / "c.html", title="Three", runs=runs).as_uri())
    page.picture(tmp_path / "comparison.png")
    ink = page.run(INKED)[0]
    assert all(ink.get(rgb(page, f"c{i}"), 0) > 50 for i in (1, 2, 3))
    assert page.errors == []


def test_a_run_without_fills_or_marks_still_opens(page, tmp_path):
    empty = pl.DataFrame(schema={"ts": pl.Int64, "mid": pl.Float64, "equity": pl.Float64,
                                 "position": pl.Float64})  # fmt: skip
    path = write_report(
        tmp_path / "e.html", title="Nothing", summary={}, account=empty, fills=pl.DataFrame()
    )
    page.open(path.as_uri())
    assert page.run("document.querySelectorAll('.uplot canvas').length") == 4
    assert page.errors == []
