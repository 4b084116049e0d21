"""Figures of the smaller sections as tables, and the sentences of docs/performance.md that consist of figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import table
from benchmarks.table import Cells, number

if TYPE_CHECKING:
    from collections.abc import Mapping

Section = dict[str, Any]
_COSTS = ("pull", "get", "push", "set")


def machine(sections: Mapping[str, Section]) -> str:
    """Say what the figures were measured on, and when."""
    if not sections:
        return ""
    one = max(sections.values(), key=lambda section: str(section["at"]))
    days = sorted({str(section["at"])[:10] for section in sections.values()})
    commits = sorted({str(section["commit"]) for section in sections.values()})
    return (
        f"Measured on {' and '.join(days)} at commit {', '.join(commits)}: {one['cores']} cores ({one['cpu']}), "
        f"Airflow {one['airflow']} with LocalExecutor and SQLite, Python {one['python']}, "
        f"{one.get('redis', 'Redis')}, redis-py {one['redis_py']}."
    )


def bare_table(section: Section) -> Cells:
    """Lay out Airflow's own call with and without this package, of the section `cold`."""
    names = {"default": "without this package", "worker": "worker", "server": "server"}
    calls = ("push", "pull")
    lines = [["bare call, ms", *calls, *(f"{call}: more than without, and ratio" for call in calls)]]
    for name, text in names.items():
        found = section.get("bare", {}).get(name)
        if not found:
            continue
        to_default = section.get("bare_to_default", {}).get(name, {}) if name != "default" else {}
        compared = (", ".join(filter(None, table.paired(to_default.get(call)))) for call in calls)
        lines.append([text, *(number(found[call]) for call in calls), *compared])
    return lines


def memory_table(section: Section) -> Cells:
    """Lay out the section `memory`."""
    by_value: dict[str, dict[str, Any]] = {}
    for entry in section.get("entries", []):
        name = entry["value"] if entry["direct"] or entry["operation"] == "push" else f"{entry['value']} (not direct)"
        by_value.setdefault(name, {"size": entry["size"]})[entry["operation"]] = entry["peak"]
    return [
        ["peak memory : encoded size", "encoded, MB", "push", "pull"],
        *(
            [
                name,
                f"{found['size'] / 1e6:.0f}",
                *(f"{found[one] / found['size']:.2f}" if one in found else "" for one in ("push", "pull")),
            ]
            for name, found in by_value.items()
        ),
    ]


def per_item(section: Section) -> dict[str, list[dict[str, Any]]]:
    """Return the series that must be flat or falling: label and cost per item at each step."""
    if not section:
        return {}
    sizes = [step for step in section["sizes"] if step["size"] >= 1_000]
    series: dict[str, list[dict[str, Any]]] = {
        "each of all mapped results, ms": section["results"],
        **{
            f"a {name}, per MB, ms": [
                {"label": step["label"], "per_item": step[name]["median"] * 1e6 / step["size"]} for step in sizes
            ]
            for name in ("push", "pull")
        },
    }
    for size in dict.fromkeys(step["size"] for step in section["processes"]):
        steps = [step for step in section["processes"] if step["size"] == size]
        series[f"an operation on {steps[0]['label'].partition(' x ')[2]}, of Redis' thread, us"] = [
            {"label": f"{step['processes']} processes", "per_item": step["redis_us_per_operation"]} for step in steps
        ]
    return series


def growth_tables(section: Section) -> dict[str, Cells]:
    """Lay out the section `growth`, by title."""
    if not section:
        return {}
    beside = section["beside"]
    return {
        "All results of a mapped task, 100 B each": [
            ["results", "pull, ms", "p99, ms", "us per result", "API calls"],
            *map(_results, section["results"]),
        ],
        "One value of random bytes": [
            ["size", "push, ms", "p99, ms", "MB/s", "pull, ms", "p99, ms", "MB/s"],
            *([step["label"], *_span(step["push"]), *_span(step["pull"])] for step in section["sizes"]),
        ],
        "Processes at once, a push and two pulls in turn": [
            ["processes x size", "per second", "push, ms", "p99", "pull, ms", "p99", "Redis busy", "us of Redis"],
            *map(_load, section["processes"]),
        ],
        "What one operation costs Redis' thread": [
            ["us", "pull", "GET", "push", "SET"],
            *([step["label"], *(number(step[name]) for name in _COSTS)] for step in section["costs"]),
        ],
        "A pull of 100 B by another process": [
            ["ms", "median", "p99", "slowest", "pulls"],
            _pulls("alone", beside["alone"]),
            _pulls(f"during {beside['pushes']} pushes of {beside['size'] / 1e6:.0f} MB", beside["beside"]),
        ],
    }


def growth(section: Section) -> str:
    """Return the section's tables as Markdown."""
    found = growth_tables(section).items()
    return "\n\n".join(f"**{title}**\n\n{table.as_markdown(cells)}" for title, cells in found)


def one_redis(section: Section) -> str:
    """Say where one Redis ends, from what operations cost its thread."""
    if not section:
        return ""
    small, large = section["costs"][0], section["costs"][-1]
    per_second = {name: _rounded(1e6 / small[name]) for name in _COSTS}
    mb_per_second = {name: _rounded(large["size"] / large[name]) for name in _COSTS}
    most = max(section["processes"], key=lambda step: float(step["per_second"]))
    return (
        f"Redis runs commands on one thread. A pull of {small['label']} keeps it busy for {number(small['pull'])} us, "
        f"a push for {number(small['push'])} us (redis-py's GET and SET: {number(small['get'])} and "
        f"{number(small['set'])} us). So one Redis ends at about {per_second['pull']} pulls or {per_second['push']} "
        f"pushes a second; with 100 tasks started a second, each with ten pulls and a push, it is "
        f"{_share(small):.0f} % busy. Of values of {large['label']} it gives {mb_per_second['pull']} MB/s to pulls and "
        f"takes {mb_per_second['push']} MB/s from pushes, where the network does (GET and SET: {mb_per_second['get']} "
        f"and {mb_per_second['set']}). On this machine, where the processes share the cores with Redis, the most was "
        f"{_rounded(most['per_second'])} operations a second ({most['label']}) with Redis "
        f"{most['redis_busy'][0] * 100:.0f} % busy."
    )


def cluster(section: Section) -> str:
    """Say what a cluster of three does with the same load."""
    found = section.get("cluster")
    if not found:
        return ""
    load = (found["processes"], found["size"])
    alone = next(step for step in section["processes"] if (step["processes"], step["size"]) == load)
    busy = ", ".join(f"{share * 100:.0f} %" for share in found["redis_busy"])
    return (
        f"The same load ({alone['label']}) on three masters on this machine: {_rounded(found['per_second'])} "
        f"operations a second (one Redis: {_rounded(alone['per_second'])}), "
        f"{number(found['redis_us_per_operation'])} us of Redis' time each "
        f"({number(alone['redis_us_per_operation'])}), the three threads {busy} busy."
    )


def _share(costs: Mapping[str, float]) -> float:
    """How busy 100 tasks a second, each with ten pulls and a push, keep Redis' thread; in percent."""
    return 100 * (10 * costs["pull"] + costs["push"]) / 1e6 * 100


def _span(found: Mapping[str, float]) -> list[str]:
    return [number(found["median"]), number(found["p99"]), number(found["mb_per_s"])]


def _load(step: Mapping[str, Any]) -> list[str]:
    return [
        step["label"],
        number(step["per_second"]),
        *(number(step[name][part]) for name in ("push", "pull") for part in ("median", "p99")),
        f"{step['redis_busy'][0] * 100:.0f} %",
        number(step["redis_us_per_operation"]),
    ]


def _results(step: Mapping[str, Any]) -> list[str]:
    times = (step["median"], step["p99"], step["per_item"] * 1e3)
    return [step["label"], *map(number, times), f"{step['calls']:.2g}"]


def _pulls(text: str, found: Mapping[str, Any]) -> list[str]:
    return [text, *(number(found[name]) for name in ("median", "p99", "most")), str(found["n"])]


def _rounded(value: float) -> str:
    """Two digits are all that such figures are good for."""
    return f"{float(f'{value:.2g}'):,.0f}"
