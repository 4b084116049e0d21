"""The figures as Markdown: for the terminal, and for the marked parts of docs/explanation/performance.md.

<!-- bench:NAME -->
what `make bench-docs` puts here
<!-- end -->
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks import chart, figures, limits, report_of_parts
from benchmarks.contenders import API, DEFAULT, FLOOR, OBJECT, OURS
from benchmarks.markdown import aligned, cell, figures_table, number, ratio, rounded, table
from benchmarks.scale import rendering as scale
from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.figures import Row, Section, Sections

PAGE = ROOT / "docs/explanation/performance.md"
CHART = ROOT / "docs/explanation/performance.svg"
MARKED = re.compile(r"(<!-- bench:([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def as_text(sections: Sections) -> str:
    """Return all figures for a terminal."""
    blocks = "\n\n".join(filter(None, (part(name, sections) for name in PARTS))).split("\n\n")
    return "\n\n".join(aligned(block) if block.startswith("|") else block for block in blocks)


def write(sections: Sections, page: Path = PAGE, chart_path: Path = CHART) -> None:
    """Put the figures into the page, and draw the chart."""
    page.write_text(filled(page.read_text(), sections))
    if "worker" in sections:
        chart_path.write_text(chart.svg(chart.lines(sections)))


def filled(text: str, sections: Sections) -> str:
    """Return a page with its marked parts written anew.

    Raises:
        KeyError: A mark names a part that does not exist.
    """
    return MARKED.sub(lambda mark: f"{mark[1]}{part(mark[2], sections) or '*Not measured yet.*'}\n{mark[3]}", text)


def part(name: str, sections: Sections) -> str:
    """Return a part of the page, or nothing where its section was not measured."""
    needed, written = PARTS[name]
    return written(sections) if needed in sections or (needed == "any" and sections) else ""


def _machine(sections: Sections) -> str:
    newest = max(sections.values(), key=lambda section: str(section["at"]))
    days = sorted({str(section["at"])[:10] for section in sections.values()})
    commits = sorted({str(section["commit"]) for section in sections.values()})
    changed = " (`+`: the commit with uncommitted changes)" if any(commit.endswith("+") for commit in commits) else ""
    before = {str(section["before"]) for section in sections.values() if "before" in section}
    beside = f" The build before is {' and '.join(sorted(before))}." if before else ""
    return (
        f"Measured on {' and '.join(days)} at commit {', '.join(commits)}{changed}: {newest['cores']} cores "
        f"({newest['cpu']}), Airflow {newest['airflow']} with LocalExecutor and SQLite, Python {newest['python']}, "
        f"{newest.get('redis', 'Redis')}, redis-py {newest['redis_py']}.{beside}"
    )


def _side_by_side(sections: Sections) -> str:
    found = figures.rows(sections["worker"]), figures.rows(sections.get("server"))
    with_before = any(row.before for rows in found for row in rows)
    head = f"ms, median|{_CONTENDERS}|{_RATIOS}{'|worker : before|server : before' if with_before else ''}"
    return table(head, _lines(*found, with_before=with_before))


def _lines(workers: Sequence[Row], others: Sequence[Row], *, with_before: bool) -> Iterator[list[str]]:
    servers = {row.name: row for row in others}
    for row in workers:
        server = servers.get(row.name, figures.Row(row.operation, row.value))
        sent = row.size and row.sent and row.sent < 0.95 * row.size and f" (sent as {row.sent / 1e6:.1f} MB)"
        calls = row.spans[OURS].calls if OURS in row.spans else None
        yield [
            f"{row.name}{sent or ''}",
            *(_median(row, name) for name in (API, DEFAULT, OBJECT, OURS)),
            *(_median(server, OURS), _median(row, FLOOR)),
            *(ratio(row.median(OURS), row.median(other)) for other in (DEFAULT, FLOOR)),
            ratio(server.median(OURS), server.median(DEFAULT)),
            "" if calls is None else f"{calls:.2g}" if calls < 10 else f"{calls:,.0f}",
            *((report_of_parts.to_before(each.before)[1] for each in (row, server)) if with_before else ()),
        ]


def _not_direct(sections: Sections) -> str:
    rows = figures.rows(sections["not-direct"])
    head = "ms, median|default|worker, not direct|: default|before|now : before|quartiles"
    lines = (
        [
            row.name,
            *(_median(row, name) for name in (DEFAULT, OURS)),
            ratio(row.median(OURS), row.median(DEFAULT)),
            *report_of_parts.to_before(row.before),
        ]
        for row in rows
    )
    return table(head, lines)


def _median(row: figures.Row, contender: str) -> str:
    return cell(row.median(contender) or ("n/a" if contender in row.notes else ""))


def cold(sections: Sections) -> str:
    """Return the table of cold starts."""
    section, lines = sections["cold"], []
    names = list(next(iter(section["phases"].values())))
    for variant, found in section["phases"].items():
        more, to_default = _compared(section["to_default"], variant, "all")
        span = f"{number(found['all']['least'])} - {number(found['all']['most'])}"
        medians = (number(found[name]["median"]) if name in found else "" for name in names)
        processor = _compared(section["to_default"], variant, "processor time")[1]
        lines.append([variant, *medians, span, str(found["all"]["n"]), more, to_default, processor])
    head = ["fastest - slowest", "runs", "more than default", ": default", "processor time: default"]
    return table("|".join(["fork to user code, ms", *names, *head]), lines)


def _bare(sections: Sections) -> Iterator[list[str]]:
    found, calls = sections["cold"]["bare"], ("push", "pull")
    for variant, text in {"default": "without this package", "worker": "worker", "server": "server"}.items():
        if variant in found:
            compared = (_compared(sections["cold"]["bare_to_default"], variant, call) for call in calls)
            yield [
                text,
                *(number(found[variant][call]) for call in calls),
                *(", ".join(filter(None, c)) for c in compared),
            ]


def _compared(to_default: Section, variant: str, name: str) -> tuple[str, str]:
    """Return how many ms more than the default, and the ratio with its quartiles."""
    found = to_default.get(variant, {}).get(name) if variant != "default" else None
    if not found:
        return "", ""
    return f"{found['more']:+.2f}", f"{found['ratio']:.2f} ({found['low']:.2f} - {found['high']:.2f})"


def _memory(sections: Sections) -> str:
    lines: dict[str, list[str]] = {}
    for one in sections["memory"]["entries"]:
        not_direct = one["operation"] == "pull" and not one["direct"]
        line = lines.setdefault(one["value"], [one["value"], f"{one['size'] / 1e6:.0f}"])
        line.append(f"{one['peak'] / one['size']:.2f}{' (not direct)' if not_direct else ''}")
    return table("peak memory : encoded size|encoded, MB|push|pull", lines.values())


def _limits(sections: Sections) -> Iterator[list[str]]:
    for one in limits.checks(sections):
        yield [one.what, *(f"{cell(figure)} {one.unit}" for figure in (one.found, one.limit)), one.rule, one.verdict]


def _growth(sections: Sections) -> str:
    section, beside = sections["growth"], sections["growth"]["beside"]
    results = [{**one, "us": one["per_item"] * 1e3, "calls": f"{one['calls']:.2g}"} for one in section["results"]]
    loads = [{**one, "busy": f"{one['redis_busy'][0] * 100:.0f} %"} for one in section["processes"]]
    during = f"during {beside['pushes']} pushes of {beside['size'] / 1e6:.0f} MB"
    pulls = [
        {**one, "label": label, "n": f"{one['n']:,}"}
        for label, one in (("alone", beside["alone"]), (during, beside["beside"]))
    ]
    spans = "push.median push.p99 {0} pull.median pull.p99 {1}"
    tables = {
        "All results of a mapped task, 100 B each": figures_table(
            "results|pull, ms|p99, ms|µs per result|API calls", "label median p99 us calls", results
        ),
        "One value of random bytes": figures_table(
            "size|push, ms|p99, ms|MB/s|pull, ms|p99, ms|MB/s",
            f"label {spans.format('push.mb_per_s', 'pull.mb_per_s')}",
            section["sizes"],
        ),
        "Processes at once, a push and two pulls in turn": figures_table(
            "processes x size|per second|push, ms|p99|pull, ms|p99|Redis busy|µs of Redis",
            f"label per_second {spans.format('', 'busy')} redis_us_per_operation",
            loads,
        ),
        "What one operation costs Redis' thread": figures_table(
            "µs|pull|GET|push|SET", "label pull get push set", section["costs"]
        ),
        "A pull of 100 B by another process": figures_table(
            "ms|median|p99|slowest|pulls", "label median p99 most n", pulls
        ),
    }
    return "\n\n".join(f"**{title}**\n\n{text}" for title, text in tables.items())


def _one_redis(sections: Sections) -> str:
    """Say where one Redis ends, from what operations cost its thread."""
    small, *_, large = sections["growth"]["costs"]
    most = max(sections["growth"]["processes"], key=lambda one: float(one["per_second"]))
    us = {name: number(small[name]) for name in ("pull", "push", "get", "set")}
    mb = {name: rounded(large["size"] / large[name]) for name in us}
    busy = 100 * (10 * small["pull"] + small["push"]) / 1e6 * 100
    return (
        f"Redis runs commands on one thread. A pull of {small['label']} keeps it busy for {us['pull']} µs, and a push "
        f"for {us['push']} µs. (redis-py's GET and SET take {us['get']} and {us['set']} µs.) "
        f"So one Redis ends at about {rounded(1e6 / small['pull'])} pulls or {rounded(1e6 / small['push'])} pushes a "
        f"second. With 100 tasks started a second, each with ten pulls and a push, Redis is {busy:.0f} % busy.\n\n"
        f"With values of {large['label']}, Redis delivers {mb['pull']} MB/s and accepts {mb['push']} MB/s, if the "
        f"network can carry that. (redis-py's GET and SET reach {mb['get']} and {mb['set']} MB/s.)\n\n"
        f"On this machine, the processes share the cores with Redis. Together they made at most "
        f"{rounded(most['per_second'])} operations a second ({most['label']}), and Redis was "
        f"{most['redis_busy'][0] * 100:.0f} % busy."
    )


def _cluster(sections: Sections) -> str:
    """Say what a cluster of three does with the same load."""
    found = sections["growth"]["cluster"]
    load = (found["processes"], found["size"])
    alone = next(one for one in sections["growth"]["processes"] if (one["processes"], one["size"]) == load)
    costs = [number(one["redis_us_per_operation"]) for one in (found, alone)]
    return (
        f"The same load ({alone['label']}) on three masters on this machine gave {rounded(found['per_second'])} "
        f"operations a second (one Redis: {rounded(alone['per_second'])}). Each operation took {costs[0]} µs of a "
        f"master's thread (one Redis: {costs[1]} µs). The three threads were "
        f"{', '.join(f'{share * 100:.0f} %' for share in found['redis_busy'])} busy."
    )


_CONTENDERS = "API call|default|object storage|worker|server|floor"
_RATIOS = "worker : default|worker : floor|server : its default|worker's API calls"
_BARE = "bare call, ms|push|pull|push: more than without, and ratio|pull: more than without, and ratio"
#: Name of a mark -> the section that must have been measured, and what writes the part.
PARTS: dict[str, tuple[str, Callable[[Sections], str]]] = {
    "machine": ("any", _machine),
    "chart": ("worker", lambda _: f"![Times by backend, logarithmic scale]({CHART.name})"),
    "side-by-side": ("worker", _side_by_side),
    "not-direct": ("not-direct", _not_direct),
    "own": ("own", report_of_parts.own),
    "far": ("far", report_of_parts.round_trips),
    "stored": ("stored", report_of_parts.in_redis),
    "chain": ("chain", report_of_parts.chains),
    "cold": ("cold", cold),
    "cold-before": ("cold-before", report_of_parts.cold_before),
    "bare": ("cold", lambda found: table(_BARE, _bare(found))),
    "memory": ("memory", _memory),
    "growth": ("growth", _growth),
    "one-redis": ("growth", _one_redis),
    "cluster": ("growth", _cluster),
    **scale.PARTS,
    "limits": ("any", lambda found: table("|measured|limit|that is|", _limits(found))),
}
