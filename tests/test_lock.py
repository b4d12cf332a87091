"""Every package that is installed is pinned and hashed, for this machine and others, and `make setup` insists on it."""

import importlib.metadata
import re
import runpy
import tomllib

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_structure import ROOT

SUPPLY = ROOT / "deploy" / "supply"
LOCKS = [ROOT / "constraints.txt", *(SUPPLY / f"{name}.txt" for name in ("pip", "tools", "torch-cpu"))]


def entries(path):
    """Return each entry of a lock: its requirement and its hashes."""
    text = re.sub(r"\\\n", " ", path.read_text(encoding="utf-8"))
    found = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", line.strip())
            found.append((Requirement(requirement), [each.strip() for each in hashes]))
    return found


def pins(path):
    """Return the pinned release of each package, by its canonical name."""
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin, _ in entries(path)}


class TestLocks:
    @pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
    def test_each_entry_is_one_release_with_hashes(self, path):
        assert entries(path)
        for pin, hashes in entries(path):
            assert [each.operator for each in pin.specifier] == ["=="], pin
            assert hashes, pin
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in hashes), pin
            assert len(set(hashes)) == len(hashes), pin

    @pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
    def test_none_names_an_index_or_a_place_on_a_disk(self, path):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert [line for line in lines if re.search(r"://|@|--(?!hash=)|/", line)] == []

    def test_all_that_the_project_declares_is_pinned(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        declared = [
            *project["dependencies"],
            *(line for lines in project["optional-dependencies"].values() for line in lines),
        ]
        pinned = pins(ROOT / "constraints.txt")
        for line in declared:
            wanted = Requirement(line)
            if wanted.name != "lienquan":
                assert wanted.specifier.contains(pinned[canonicalize_name(wanted.name)]), line

    def test_all_that_these_need_on_this_machine_is_pinned(self):
        """Walks what is installed here from the project's own requirements, extras included."""
        pinned, seen = pins(ROOT / "constraints.txt"), set()
        waiting = [("lienquan", frozenset({"dev"}))]
        while waiting:
            name, extras = waiting.pop()
            if (name, extras) in seen:
                continue
            seen.add((name, extras))
            for line in importlib.metadata.requires(name) or []:
                wanted = Requirement(line)
                if applies(wanted, extras):
                    waiting.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
        assert {name for name, _ in seen} - set(pinned) == {"lienquan"}

    def test_one_setuptools_builds_and_is_installed(self):
        assert pins(SUPPLY / "pip.txt")["setuptools"] == pins(ROOT / "constraints.txt")["setuptools"]

    def test_cpu_builds_are_of_the_pinned_torch_and_allowed_as_constraints_too(self):
        ((build, hashes),) = entries(SUPPLY / "torch-cpu.txt")
        (allowed,) = [each for pin, each in entries(ROOT / "constraints.txt") if pin.name == "torch"]
        assert str(build.specifier) == f"=={pins(ROOT / 'constraints.txt')['torch']}+cpu"
        assert set(hashes) < set(allowed)
        assert len(hashes) == 3 * 2  # CPython 3.11 to 3.13, on aarch64 and x86-64


def applies(wanted, extras):
    """Tell whether a requirement counts on this machine for someone who asked for these extras."""
    if wanted.marker is None:
        return True
    return any(wanted.marker.evaluate({**default_environment(), "extra": extra}) for extra in ("", *extras))


class TestCpuBuilds:
    add = staticmethod(runpy.run_path(str(SUPPLY / "lock.py"))["add_cpu_builds"])
    LOCK = (
        "six==1 \\\n    --hash=sha256:0\n"
        "torch==2.0 \\\n    --hash=sha256:c \\\n    --hash=sha256:a\n"
        "tqdm==1 \\\n    --hash=sha256:1\n"
    )
    BUILDS = '# why\ntorch==2.0+cpu ; sys_platform == "linux" \\\n    --hash=sha256:b\n'

    def test_by_hand(self):
        expected = self.LOCK.replace(
            "sha256:c \\\n    --hash=sha256:a\n", "sha256:a \\\n    --hash=sha256:b \\\n    --hash=sha256:c\n"
        )
        assert self.add(self.LOCK, self.BUILDS) == expected
        assert self.add(expected, self.BUILDS) == expected

    def test_a_lock_without_torch_stays(self):
        assert self.add("six==1 \\\n    --hash=sha256:0\n", self.BUILDS) == "six==1 \\\n    --hash=sha256:0\n"

    @pytest.mark.parametrize("builds", ["", BUILDS.replace("2.0", "2.1")])
    def test_builds_of_another_release_are_refused(self, builds):
        with pytest.raises(ValueError, match=r"expected those of the pinned torch 2\.0"):
            self.add(self.LOCK, builds)


class TestInstalling:
    def test_every_install_checks_hashes_but_that_of_the_project_itself_and_of_the_peers(self):
        lines = [line for name in ("Makefile", "deploy/supply/install.sh", "deploy/Dockerfile") for line in said(name)]
        calls = [line for line in lines if re.search(r"\bpip\b.* install\b", line)]
        hashed = [line for line in calls if "--require-hashes --only-binary :all:" in line]
        peers, own = [line for line in calls if line not in hashed]
        assert len(hashed) == 2
        assert "-r benchmarks/requirements.txt" in peers
        assert "--no-index --no-deps --no-build-isolation" in own

    def test_setup_goes_this_way(self):
        assert [line for line in said("Makefile") if "install.sh $(VENV) 'lienquan[dev]'" in line]
        assert [line for line in said("deploy/supply/install.sh") if line.startswith("install -c constraints.txt")]


def said(name):
    return (ROOT / name).read_text(encoding="utf-8").splitlines()
