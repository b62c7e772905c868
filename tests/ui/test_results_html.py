"""The measured results as a visitor reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from retrieval.evaluation.measurement import Target
from retrieval.ui.results_html import RESULTS, show_results
from tests.ui.sample import MACHINE, SIZES, mark, quality, run, speed, world, write_results
from tests.ui.test_views import HOSTILE, Reader


def shown(folder: Path, *rows: dict[str, Any]) -> str:
    """The tab over these lines of quality.json alone."""
    return show_results(write_results(folder, quality=rows))


def card(html: str, task: str) -> str:
    """The card of one task."""
    return next(part for part in html.split('<section class="task">') if f"<code>{task}</code>" in part)


def rows(card: str) -> dict[str, str]:
    """Bundle -> its row of numbers as text, in the order of the card; without what can be opened."""
    lines = re.findall(r'<tr class="(?:bundle|baseline|floor)">.*?</tr>', card.split("<details>")[0])
    return {re.findall(r'<th scope="row">([^<]*)', line)[0]: Reader(line).text for line in lines}


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> str:
    return show_results(write_results(tmp_path_factory.mktemp("results")))


# ---------------------------------------------------------------- quality


def test_every_task_says_in_words_what_it_asks_and_how_much_of_what(html: str) -> None:
    text = Reader(card(html, "quickdraw-world/zero-shot@1").split("</section>")[0]).text
    assert text.startswith("From a person’s drawing of a class never trained on, find photos of it.")
    assert "400 queries · gallery of 120 · chance 10 %" in text
    assert "4,608 queries · gallery of 3,840 · chance 0.13 %" in card(html, "world/same-object@1")


def test_the_style_that_was_left_out_is_named(html: str) -> None:
    assert "Neither the style (painting) nor the class was trained on" in card(html, "world/leave-style-out:painting@1")


def test_a_task_without_words_stands_last_under_its_own_name(html: str) -> None:
    assert "<h3>future/task@7</h3>" in html
    assert re.findall(r"<summary><h2>(.*?)</h2>", html) == [
        "Drawn by people",
        "From style to style",
        "In words",
        "More tasks",
        "What was object, and what was style",
        "When there is no confident match",
        "Speed and memory",
        "The world, judged",
    ]


def test_only_the_first_group_is_open(html: str) -> None:
    assert html.count("<details open>") == 1
    assert html.index("<details open>") < html.index("Drawn by people")


def test_bundles_stand_by_their_first_metric_and_floors_below_them(html: str) -> None:
    assert list(rows(card(html, "world/cross-style@1"))) == [
        "guise-toy",
        "guise-base-zs + domain mean removed",
        "guise-base-zs",
        "floor:hog",
        "floor:untrained",
        "floor:color-histogram",
        "floor:raw-pixels",
        "floor:chance",
    ]


def test_seeds_are_folded_into_mean_and_deviation_with_the_first_seed_s_intervals(html: str) -> None:
    shown = rows(card(html, "quickdraw-world/zero-shot@1"))["guise-base-zs"]
    assert shown.startswith("guise-base-zs3 seeds")
    assert "0.520 ± 0.030[0.506, 0.535] by query[0.420, 0.630] by class" in shown


def test_intervals_by_query_and_by_class_stand_side_by_side_and_a_missing_one_is_not_invented(tmp_path: Path) -> None:
    row = run("world/zero-shot@1", "guise-toy", 0, 0.5)
    numbers = rows(card(shown(tmp_path, row), "world/zero-shot@1"))["guise-toy"]
    assert numbers.startswith("guise-toy1 seed0.500[0.486, 0.515] by query[0.400, 0.610] by class0.530")
    html = shown(tmp_path, row | {"class_interval": {}})
    assert "0.500[0.486, 0.515] by querynot measured by class" in rows(card(html, "world/zero-shot@1"))["guise-toy"]
    assert html.split("</section>", 1)[1].count('class="whisker by-class"') == 0


def test_chance_has_no_interval_and_a_mark_on_every_bar(html: str) -> None:
    text = card(html, "world/zero-shot@1").split("<details>")[0]
    assert rows(text)["floor:chance"] == "floor:chancea random order0.1040.110"
    assert text.count('class="chance" style="left:10.40%"') == len(rows(text))
    assert text.count('class="whisker"') == text.count('class="whisker by-class"') == len(rows(text)) - 1


def test_a_baseline_is_called_one(html: str) -> None:
    assert "baseline · 1 seed" in rows(card(html, "world/zero-shot@1"))["guise-base-zs + domain mean removed"]


def test_a_bundle_that_a_floor_beats_says_so(html: str) -> None:
    text = rows(card(html, "emoji/cross-style@1"))
    assert "below floor:hog" in text["guise-toy-blurred"]
    assert "below" not in text["guise-toy"]
    assert "below floor:chance" in rows(card(html, "future/task@7"))["guise-base-zs"]


def test_what_was_not_measured_is_absent(html: str) -> None:
    assert "guise-toy" not in rows(card(html, "world/zero-shot@1"))


def test_the_first_metric_is_the_task_s_own_and_all_others_can_be_opened(html: str) -> None:
    text = card(html, "people/text@1")
    head = re.findall(r'<th scope="col">(.*?)</th>', text)
    assert head == ["Bundle", "R@1", "mAP@all", "Bundle", "R@1", "R@5", "mAP@all"]
    assert "All 3 metrics" in text


def test_precision_among_the_first_8_is_shown_only_where_as_many_can_be_found(html: str) -> None:
    second = {task: re.findall(r'<th scope="col">(.*?)</th>', card(html, task))[2] for task in SIZES}
    assert second["world/cross-style@1"] == "P@8"
    assert second["world/same-object@1"] == second["emoji/cross-style@1"] == "R@1"


def test_every_metric_that_occurs_is_explained_with_its_variant(html: str) -> None:
    terms = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html)
    assert [name for name, _ in terms] == [
        "mAP@all",
        "mAP@200 strict",
        "mAP@200 lenient",
        "P@8",
        "R@1",
        "mINP",
        "R@5",
    ]
    assert dict(terms)["R@5"] == "share of queries with a relevant picture among the first 5"


def test_rows_that_disagree_about_the_gallery_are_not_hidden(tmp_path: Path) -> None:
    one, other = (run("world/zero-shot@1", f"guise-{n}", 0, 0.5) for n in range(2))
    assert "720 queries · gallery of 600 to 1,700 ·" in shown(tmp_path, one, other | {"gallery": 1700})


def test_values_outside_zero_and_one_keep_the_bar_inside_the_card(tmp_path: Path) -> None:
    html = shown(tmp_path, *(run("world/zero-shot@1", f"guise-{v}", 0, v) for v in (-0.2, 1.4)))
    assert {"width:0.00%", "width:100.00%"} <= set(re.findall(r"width:[^\"]*", html))
    assert not re.search(r"(?:width|left|right):-", html)


# ---------------------------------------------------------------- speed and the world


def test_what_was_wanted_is_met_or_missed_in_words(html: str) -> None:
    text = Reader(html).text
    assert "220.05 ms≤ 400 met" in text
    assert "1600.5 MB≤ 1500 missed" in text
    assert "13.9 mspeak" not in text


def test_of_object_and_style_the_targets_are_shown_and_judged(html: str) -> None:
    part = html.split("What was object, and what was style</h2>")[1].split("</details>")[0]
    shown = [Reader(line).text for line in re.findall(r"<tr>.*?</tr>", part)[1:]]
    assert [line.split(", on made-up scales")[1] for line in shown] == [
        "0.310≥ 0.7 missed",
        "0.200near chance, 0.167 ± 0.05 met",
        "0.600≥ raw - 0.02 missed",
    ]


def test_many_classes_are_one_table_with_the_weakest_first(html: str) -> None:
    table = html.split("Each of 10 classes alone, the weakest first")[1]
    assert re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', table)[:2] == [
        ("thing 0", '0.000 <b class="missed">missed</b>'),
        ("thing 1", "0.100"),
    ]
    assert "class in unseen style, mosaic" in html


def test_a_whole_is_missed_where_one_of_its_classes_is(html: str) -> None:
    line = re.findall(r"<tr>.*?</tr>", html.split("The world, judged</h2>")[1])[1]
    assert Reader(line).text.endswith("0.820≥ 0.6 missed")


# ---------------------------------------------------------------- the files


def test_machine_and_day_are_named_for_every_file(html: str) -> None:
    assert html.count(f"Measured on {MACHINE}, 21 November 2026.") == 5


def test_the_shipped_results_are_shown_whole() -> None:
    html = show_results(RESULTS)
    payload = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))
    assert "unmeasured" not in html
    for row in payload["rows"]:
        assert row["bundle"] in rows(card(html, row["task"]))


def test_a_missing_file_says_what_to_run_and_the_others_are_shown(tmp_path: Path) -> None:
    html = show_results(write_results(tmp_path, speed=speed(), world=world()))
    assert "quality.json is missing. Run <code>make bench</code>" in html
    assert "stroke to results" in html
    assert "python -m benchmarks.world" in show_results(tmp_path / "nothing")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"rows"',
        "[" * 100_000,
        "\udcff",
        '{"made": "", "machine": "", "rows": 3}',
        '{"made": "", "machine": "", "rows": [{}]}',
        '{"made": "", "machine": "", "rows": [7]}',
    ],
)
def test_a_damaged_file_says_so_and_never_stops_the_page(text: str, tmp_path: Path) -> None:
    for name in ("quality", "disentanglement", "cutoff", "speed", "world"):
        (tmp_path / f"{name}.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert show_results(tmp_path).count("cannot be read: the file is damaged.") == 5


@pytest.mark.parametrize(
    "broken",
    [
        {"metrics": {}},
        {"metrics": {"mAP@all": None}},
        {"metrics": {"mAP@all": float("inf")}},
        {"interval": {"mAP@all": [0.1]}},
        {"queries": float("inf")},
        {"chance": float("nan")},
        {"seed": "first"},
    ],
)
def test_one_damaged_row_damages_the_file(broken: dict[str, Any], tmp_path: Path) -> None:
    html = shown(tmp_path, quality()[0], quality()[1] | broken)
    assert "quality.json cannot be read" in html


def test_a_file_without_rows_is_nothing_show_results(tmp_path: Path) -> None:
    assert "quality.json is empty. Run <code>make bench</code>" in shown(tmp_path)


def test_what_a_file_says_stays_text(tmp_path: Path) -> None:
    line = run("world/zero-shot@1", HOSTILE, 0, 0.5) | {"task": HOSTILE, "metrics": {HOSTILE: 0.5, "b": 0.4, "c": 0.3}}
    floor = line | {"bundle": f"floor:{HOSTILE}", "metrics": {HOSTILE: 0.9}}
    style = line | {"task": f"world/leave-style-out:{HOSTILE}@1"}
    whole = mark(HOSTILE, 1.0, HOSTILE, Target("<=", 2.0, HOSTILE))
    many = [mark(HOSTILE, 1.0, HOSTILE, Target("<=", 2.0, HOSTILE), subset=f"{HOSTILE}{n}") for n in range(9)]
    folder = write_results(tmp_path, quality=[line, floor, style], speed=[whole, *many], world=[whole])
    for name in ("quality", "speed"):
        payload = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        payload |= {"made": HOSTILE, "machine": HOSTILE}
        (folder / f"{name}.json").write_text(json.dumps(payload), encoding="utf-8")
    read = Reader(show_results(folder))
    assert read.open == []
    assert "script" not in read.tags
    assert "img" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert read.text.count("alert(1)") > 10


# ---------------------------------------------------------------- for those who do not see it


def test_tables_have_captions_and_headers_and_bars_are_for_eyes_alone(html: str) -> None:
    assert html.count("<table") == html.count("<caption")
    for row in re.findall(r"<tr.*?</tr>", html):
        assert "<th" in row or 'aria-hidden="true"' in row
    assert all('aria-hidden="true"' in tag for tag in re.findall(r'<span class="track".*?>', html))
    Reader(html)
