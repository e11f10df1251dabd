"""Which tests pass or fail alike with and without numba: noted where it is installed, left out where it is not.

A test depends on numba if it looks for it, which every choice of a backend by itself does, or starts a process; or if a
fixture of it does. ``kernels.installed`` and all others look for it by ``importlib.util.find_spec``. What remains runs
NumPy only, or no arithmetic at all.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

PROCESSES = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec"}


def register(config, given):
    """Register what the environment asks for: FASTANCHOR_NOTE_ALIKE or FASTANCHOR_SKIP_ALIKE, a file each."""
    for name, kind in (("FASTANCHOR_NOTE_ALIKE", Notes), ("FASTANCHOR_SKIP_ALIKE", Rest)):
        if given.get(name):
            config.pluginmanager.register(kind(Path(given[name])))


class Notes:
    """Write the names of passed tests that do not depend on numba, one in a line."""

    def __init__(self, path):
        self.path, self.depends, self.passed, self.fixtures = path, False, False, set()
        find_spec = importlib.util.find_spec

        def noted(name, package=None):
            self.depends |= name == "numba"
            return find_spec(name, package)

        importlib.util.find_spec = noted  # of this process, to its end
        sys.addaudithook(self.audit)

    def audit(self, event, _):
        if event in PROCESSES:
            self.depends = True

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        before, self.depends = self.depends, False
        try:
            return (yield)
        finally:
            if self.depends:  # later tests get what was made here
                self.fixtures.add(fixturedef.argname)
            self.depends |= before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self):
        self.depends = self.passed = False
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        if report.when == "call":
            self.passed = report.passed
        alike = self.passed and not self.depends and self.fixtures.isdisjoint(item.fixturenames)
        if report.when == "teardown" and alike:
            with self.path.open("a", encoding="utf-8") as file:  # as the other workers do
                file.write(f"{item.nodeid}\n")
        return report


class Rest:
    """Leave out the tests that were noted."""

    def __init__(self, path):
        self.names = set(path.read_text(encoding="utf-8").splitlines())

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        left_out = [item for item in items if item.nodeid in self.names]
        items[:] = [item for item in items if item.nodeid not in self.names]
        config.hook.pytest_deselected(items=left_out)
