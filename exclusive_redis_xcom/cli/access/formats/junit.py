"""Findings as a JUnit report: one test case for each. Errors and warnings are failures; notes are only output."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.cli.access.formats.report import Report


def write(report: Report) -> str:
    """Write an XML document. Without findings, it has one test case, which passed."""
    failures = sum(finding.level != "note" for finding in report.findings)
    counts = {"tests": str(len(report.findings) or 1), "failures": str(failures), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": report.tool, **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": report.tool, **counts, "skipped": "0", "time": "0"})
    for finding in report.findings:
        _case(suite, finding, report)
    if not report.findings:
        ElementTree.SubElement(suite, "testcase", {"classname": report.tool, "name": "no findings", "time": "0"})
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _case(suite: ElementTree.Element, finding: Finding, report: Report) -> None:
    name = f"{finding.code} {report.name_of(finding)}: {finding.subject}"
    place = {"file": finding.file} if finding.file else {}
    if finding.line is not None:
        place["line"] = str(finding.line)
    classname = finding.dag_id or finding.file or report.tool
    case = ElementTree.SubElement(suite, "testcase", {"classname": classname, "name": name, "time": "0", **place})
    if finding.level == "note":
        output = ElementTree.SubElement(case, "system-out")
        output.text = f"{finding.message}\n{finding.remedy}"
    else:
        failure = ElementTree.SubElement(case, "failure", {"message": finding.message, "type": finding.level})
        failure.text = finding.remedy
