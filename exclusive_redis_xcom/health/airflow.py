"""Is this package wired into the Airflow that runs here: version, settings, backend, plugin, listener, policy?"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import NO_SETTINGS
from exclusive_redis_xcom.settings import SECTION, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.health.visit import Visit

_DISTRIBUTION = "exclusive-redis-xcom"
_PLUGIN = "exclusive_redis_xcom"
_PLUGIN_MODULE = "exclusive_redis_xcom.airflow.plugin"
_LISTENER_MODULE = "exclusive_redis_xcom.airflow.listener"
_POLICY_MODULE = "exclusive_redis_xcom.airflow.policy"
_BACKEND = "exclusive_redis_xcom.ExclusiveRedisXCom"
_BACKEND_CLASS = ("exclusive_redis_xcom.airflow.backend", "ExclusiveRedisXCom")
_STORED_FORMAT = "stored format"
_PRESENT_FORMAT = 3
_REINSTALL = "Install exclusive-redis-xcom again, in the same environment as Airflow."


def read_settings() -> tuple[Settings | None, list[Finding]]:
    """Return the section's settings, or None, and the findings about them."""
    try:
        settings = load_settings()
    except ConfigurationError as error:  # its text names option and remedy, and quotes no secret
        return None, [
            Finding.of_error("settings", error, "Correct the setting here, and on every other component that sets it.")
        ]
    except Exception as error:  # a _CMD or a secrets backend failed, and Airflow's text may quote its output
        return None, [
            Finding(
                "settings",
                "FAIL",
                f"Airflow could not read section [{SECTION}]: {type(error).__name__}",
                "Check the commands (_CMD) and secrets backends (_SECRET) that the options of this section name.",
            )
        ]
    seen = f"enforcement = {settings.enforcement}, mode = {settings.mode}"
    if settings.reports_only:
        remedy = f"Refusals are only logged. When the logs show no more of them, set [{SECTION}] mode = enforce."
        return settings, [Finding("settings", "warning", seen, remedy)]
    return settings, [Finding("settings", "ok", seen)]


def stored_format(visit: Visit) -> Iterator[Finding]:
    """Check whether an upgrade has left `format = 2` behind. It is right only while the earlier release runs."""
    if visit.settings is None:
        yield Finding(_STORED_FORMAT, "skipped", NO_SETTINGS)
        return
    seen = f"format = {visit.settings.format}"
    if visit.settings.format == _PRESENT_FORMAT:
        yield Finding(_STORED_FORMAT, "ok", seen)
    else:
        remedy = (
            "During an upgrade, this is right. When no component of the earlier release runs any more, remove "
            f"[{SECTION}] format everywhere, and restart."
        )
        yield Finding(_STORED_FORMAT, "warning", f"{seen}: the format of the earlier release", remedy)


def version(visit: Visit) -> Iterator[Finding]:  # noqa: ARG001 - every check is called alike
    """Check whether this package is made and tested for Airflow's version."""
    from packaging.requirements import Requirement

    installed = importlib.metadata.version("apache-airflow-core")
    needed = [Requirement(text) for text in importlib.metadata.requires(_DISTRIBUTION) or ()]
    accepted = next(found.specifier for found in needed if found.name == "apache-airflow")
    fits = accepted.contains(installed, prereleases=True)
    remedy = "" if fits else f"This version of exclusive-redis-xcom is for Airflow {accepted}. Change one of the two."
    yield Finding("Airflow version", "ok" if fits else "FAIL", installed, remedy)


def backend(visit: Visit) -> Iterator[Finding]:  # noqa: ARG001 - as above
    """Check whether Airflow uses our backend."""
    remedy = f"Set [core] xcom_backend = {_BACKEND} on all components."
    try:
        from airflow.sdk.execution_time.xcom import XCom
    except Exception as error:
        yield Finding("XCom backend", "FAIL", f"Airflow cannot load the backend: {type(error).__name__}", remedy)
        return
    # The name is compared, because this module may not import `airflow.backend`.
    ours = any((cls.__module__, cls.__qualname__) == _BACKEND_CLASS for cls in XCom.__mro__)
    seen = f"{XCom.__module__}.{XCom.__qualname__}"
    yield Finding("XCom backend", "ok" if ours else "FAIL", seen, "" if ours else remedy)


def plugin(visit: Visit) -> Iterator[Finding]:  # noqa: ARG001 - as above
    """Check whether Airflow has loaded our plugin. From 3.2 on, the Task SDK loads plugins itself, and is asked too."""
    for check, module in (("plugin", "airflow.plugins_manager"), ("plugin in tasks", "airflow.sdk.plugins_manager")):
        manager = _module(module)
        if manager is not None:
            yield judge_plugins(check, *loaded_plugins(manager))


def loaded_plugins(manager: Any) -> tuple[list[Any], dict[str, str]]:
    """Return all plugins that a manager has loaded, and the errors of the others: place -> text."""
    if hasattr(manager, "_get_plugins"):  # from 3.2
        plugins, errors = manager._get_plugins()
    else:
        manager.ensure_plugins_loaded()
        plugins, errors = manager.plugins, manager.import_errors
    return list(plugins or ()), dict(errors)


def judge_plugins(check: str, plugins: Iterable[Any], errors: dict[str, str]) -> Finding:
    """Judge whether our plugin is among the loaded ones, and if not, why."""
    named = [found for found in plugins if found.name == _PLUGIN]
    if any(_class_of(found).__module__ == _PLUGIN_MODULE for found in named):
        return Finding(check, "ok", "loaded")
    if named:
        place = getattr(named[0], "source", None) or _class_of(named[0]).__module__
        seen = f"another plugin has the name {_PLUGIN!r}: {place}"
        return Finding(check, "FAIL", seen, "Rename or remove that plugin. Airflow loads only one plugin of each name.")
    if _PLUGIN_MODULE in errors:
        first = errors[_PLUGIN_MODULE].partition("\n")[0]
        remedy = f"Airflow only logs this, and goes on without the ring and the listener. {_REINSTALL}"
        return Finding(check, "FAIL", f"the plugin does not import: {first}", remedy)
    if not _entry_points("airflow.plugins"):
        return Finding(check, "FAIL", "not installed as a plugin (entry point airflow.plugins)", _REINSTALL)
    others = ", ".join(sorted({str(found.name) for found in plugins})) or "none"
    remedy = "If two plugins share a name, rename one. From 3.2 on, Airflow stops loading plugins for tasks there."
    return Finding(check, "FAIL", f"the plugin is not loaded; Airflow has loaded: {others}", remedy)


def listener(visit: Visit) -> Iterator[Finding]:  # noqa: ARG001 - as above
    """Will tasks tell our listener who they are?"""
    manager = _module("airflow.sdk.listener") or importlib.import_module("airflow.listeners.listener")
    registered = manager.get_listener_manager().pm.get_plugins()
    if any(getattr(found, "__name__", None) == _LISTENER_MODULE for found in registered):
        yield Finding("listener", "ok", "registered")
    else:
        remedy = (
            "The plugin brings the listener: mend what the checks 'XCom backend' and 'plugin' report. Without the "
            "listener, tasks can neither push nor pull."
        )
        yield Finding("listener", "FAIL", "not registered", remedy)


def policy(visit: Visit) -> Iterator[Finding]:  # noqa: ARG001 - as above
    """Check whether the access lists of DAGs are checked and frozen when DAG files are parsed."""
    from airflow import settings

    maker = getattr(settings, "get_policy_plugin_manager", None)  # from 3.2
    manager = maker() if maker else settings.POLICY_PLUGIN_MANAGER
    missing = [
        name
        for name in ("dag_policy", "task_policy")
        if not any(
            getattr(found.plugin, "__name__", None) == _POLICY_MODULE
            for found in getattr(manager.hook, name).get_hookimpls()
        )
    ]
    if not missing:
        yield Finding("policy", "ok", "dag_policy and task_policy registered")
    else:
        remedy = (
            f"Access lists are not checked and frozen when DAG files are parsed. {_REINSTALL} Its entry point is "
            "airflow.policy."
        )
        yield Finding("policy", "FAIL", f"not registered: {', '.join(missing)}", remedy)


CHECKS = (stored_format, version, backend, plugin, listener, policy)
#: API servers run no task and parse no file.
IN_SERVERS = (stored_format, version, backend, plugin)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _class_of(plugin: Any) -> type[Any]:
    return plugin if isinstance(plugin, type) else type(plugin)


def _entry_points(group: str) -> list[Any]:
    return [found for found in importlib.metadata.entry_points(group=group) if found.value.startswith(_PLUGIN)]
