"""The pure parts of the comparison, the curves and the capacity model. What they measure runs in `make rivals`."""

import asyncio
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bench.curves.capacity import Costs, Load, Machines, capacity_table, need
from bench.curves.picture import Chart, Curve, svg
from bench.curves.subscribers_program import packet, read_packet
from bench.report import put
from bench.rivals.comparison import Column, Row, ratio_table, spread, table
from bench.rivals.measures import disordered

OURS, PAIR, LOOP = Column("ours"), Column("pair"), Column("loop")
COSTS = Costs(
    bridge_mb=200,
    session_mb=100,
    idle_cores=0.01,
    message_cpu=0.004,
    send_cpu=0.01,
    delivery_cpu=2e-5,
    start=2,
    row=600,
)


def delays() -> Row:
    row = Row("delay", "ms")
    for ours, pair in ((2.0, 4.0), (3.0, 12.0), (10.0, 10.0)):
        row.add(OURS, ours)
        row.add(PAIR, pair)
    return row


def test_a_ratio_is_made_of_two_values_of_one_run() -> None:
    assert delays().ratios(OURS, PAIR) == [0.5, 0.25, 1.0]  # that of the medians would be 0.3


def test_a_value_of_0_gives_no_ratio() -> None:
    row = Row("disorder", "")
    row.add(OURS, 0)
    row.add(PAIR, 0)
    assert row.ratios(OURS, PAIR) == []


def test_the_tables_show_medians_with_ranges_and_leave_out_what_was_not_measured() -> None:
    assert table([delays()], [OURS, PAIR, LOOP]).splitlines()[2] == (
        "| delay | 3.00 ms (2.00 – 10.0) | 10.0 ms (4.00 – 12.0) |  |"
    )
    assert ratio_table([delays()], [(OURS, PAIR), (OURS, LOOP)]).splitlines() == [
        "|  | ours ÷ pair | ours ÷ loop |",
        "| --- | --- | --- |",
        "| delay | 0.50 × (0.25 – 1) |  |",
    ]
    assert len(ratio_table([delays()], [(OURS, LOOP)]).splitlines()) == 2


def test_a_small_ratio_is_not_rounded_to_nothing() -> None:
    assert spread([0.00291], "×") == "0.0029 ×"


@pytest.mark.parametrize(("ids", "count"), [(["1", "2", "3"], 0), (["2", "1", "3"], 1), (["3", "1", "2"], 2), ([], 0)])
def test_what_came_after_a_later_one_is_counted(ids: list[str], count: int) -> None:
    assert disordered(ids) == count


def test_the_capacity_follows_the_documented_formulas() -> None:
    load = Load(messages=3600, sends=360, busiest_hour=0.1, subscribers=2, kept_days=10)
    found = need(1000, COSTS, load, Machines(sessions=10, cores=4, gigabytes=10, used=0.5))
    assert found.bridges == 100
    assert found.cores == pytest.approx((1000 * 0.01 + 100 * 0.004 + 10 * 0.01) / 0.5)
    assert found.gigabytes == pytest.approx((1000 * 100 + 100 * 200) / 1024 / 0.5)
    assert found.machines == 24  # by memory: 117.2 GB of 5 usable each; by cores 6
    assert found.deliveries == pytest.approx(100 * 2 + 10 * (1 + 3 * 2))
    assert found.broker_cores == pytest.approx(270 * 2e-5 / 0.5)
    assert found.disk_gigabytes == pytest.approx(1000 * 3960 * 10 * 600 / 1024**3)
    assert found.start == 42 * 2


def test_machines_are_the_larger_of_what_cores_and_memory_ask_for() -> None:
    by_cores = replace(COSTS, idle_cores=1.0)
    assert need(48, by_cores).machines == 11  # 48 cores of 4.8 usable each, and a little work
    assert need(10, COSTS).machines == 1


def test_the_capacity_table_has_a_column_for_each_fleet() -> None:
    lines = capacity_table(COSTS, [10, 1000]).splitlines()
    assert lines[0] == "| Numbers | 10 | 1,000 |"
    assert {line.count("|") for line in lines} == {4}


def test_the_picture_is_an_svg_with_each_point_inside_its_chart() -> None:
    chart = Chart(
        "a < b", "listeners", [Curve("ours", [(1, 3.0), (1000, 30.0)]), Curve("pair", [(1, 2.0), (1000, 2000.0)])]
    )
    text, (width, height) = svg("title", [chart])
    points = ET.fromstring(text).findall("{*}circle")
    assert len(points) == 4
    assert all(0 < float(point.attrib["cx"]) < width and 0 < float(point.attrib["cy"]) < height for point in points)
    heights = [float(point.attrib["cy"]) for point in points]
    assert heights[0] > heights[1] > heights[3]


@pytest.mark.parametrize("length", [0, 127, 128, 20_000])
async def test_a_packet_is_read_as_it_was_written(length: int) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(packet(0x30, b"x" * length) + b"next")
    assert await read_packet(reader) == (0x30, b"x" * length)
    assert await reader.read(4) == b"next"


def test_a_report_without_its_markers_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("before\n<!-- a -->\nold\n<!-- b -->\nafter\n")
    put("new", "<!-- a -->\n", "<!-- b -->\n", path)
    assert path.read_text() == "before\n<!-- a -->\n\nnew\n\n<!-- b -->\nafter\n"
    with pytest.raises(ValueError, match="has no"):
        put("new", "<!-- c -->\n", "<!-- d -->\n", path)
