"""What lies under deploy/: that it can be parsed, and that what it calls and names is there."""

import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from ipaddress import collapse_addresses, ip_network
from pathlib import Path

import pytest
import yaml

from indexer.sources import addresses
from indexer.sources.following import Condition, SourceState, SyncState
from service import settings
from service.observing.metrics import text_of_sources
from service.serve import _config
from service.settings import Settings
from service.writes import ingesting
from tests.test_structure import COMMANDS, ROOT

DEPLOY = ROOT / "deploy"
GRACE = _config("127.0.0.1", 8000, 1, 1, None)["graceful_timeout"] + ingesting.END_SECONDS


def is_setting(variable):
    name = variable.removeprefix(settings.PREFIX).lower()
    return variable == settings.FILE_VARIABLE or (
        variable.startswith(settings.PREFIX) and name in Settings.model_fields
    )


def check_call(words):
    """Assert that words that follow `lienquan` call one of its commands, with options that it has."""
    path = next(" ".join(["lienquan", *words[:n]]) for n in (2, 1) if " ".join(["lienquan", *words[:n]]) in COMMANDS)
    known = {name for param in COMMANDS[path].params for name in param.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= known


class Unit(dict):
    """A systemd unit: each key with all of its values."""

    def __init__(self, path):
        self.sections = {}
        section = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.fullmatch(r"\[\w+\]", line):
                section = line[1:-1]
            elif line and not line.startswith("#"):
                key, equals, value = line.partition("=")
                assert equals, line
                assert section is not None
                self.setdefault(key, []).append(value)
                self.sections[key] = section


UNITS = ["lienquan.service", "lienquan-sync.service"]
_OWN = {"Description", "Type", "ExecStart", "IPAddressDeny", "IPAddressAllow"}
"""Keys in which the two units differ."""


@pytest.mark.parametrize("name", UNITS)
class TestEachUnit:
    @pytest.fixture
    def unit(self, name):
        return Unit(DEPLOY / name)

    def test_it_calls_what_there_is(self, unit):
        (line,) = unit["ExecStart"]
        program, *words = shlex.split(line)
        assert Path(program).name == "lienquan"
        assert Path(program).is_absolute()
        check_call(words)

    def test_it_sets_what_can_be_set_and_in_directories_of_its_own(self, unit):
        variables = dict(line.split("=", 1) for line in unit["Environment"])
        assert [name for name in variables if not is_setting(name)] == []
        assert variables["LIENQUAN_HOME"] == f"/var/lib/{unit['StateDirectory'][0]}"
        assert variables["LIENQUAN_MODELS"].startswith(f"/var/cache/{unit['CacheDirectory'][0]}/")

    def test_it_ends_gracefully_and_does_not_repeat_what_cannot_be(self, unit):
        assert unit["KillMode"] == ["mixed"]
        assert int(unit["TimeoutStopSec"][0]) > GRACE
        assert (unit["Restart"], unit["RestartPreventExitStatus"]) == (["on-failure"], ["2"])

    def test_it_is_hardened(self, unit):
        for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictSUIDSGID"):
            assert unit[key] == ["yes"], key
        for key in ("PrivateUsers", "PrivateIPC", "RestrictNamespaces", "LockPersonality", "ProtectKernelModules"):
            assert unit[key] == ["yes"], key
        assert unit["ProtectSystem"] == ["strict"]
        assert unit["CapabilityBoundingSet"] == [""]
        assert "ProcSubset" not in unit  # /proc/cpuinfo is read
        assert "MemoryDenyWriteExecute" not in unit

    def test_what_it_writes_is_its_users_alone(self, unit):
        assert (unit["UMask"], unit["StateDirectoryMode"], unit["CacheDirectoryMode"]) == (["0077"], ["0700"], ["0700"])
        assert unit["LimitCORE"] == ["0"]

    def test_it_takes_so_much_and_no_more(self, unit):
        assert 4.2 < int(unit["MemoryHigh"][0].removesuffix("G")) < int(unit["MemoryMax"][0].removesuffix("G"))
        assert (unit["MemorySwapMax"], unit["TasksMax"], unit["LimitNOFILE"]) == (["0"], ["512"], ["8192"])

    def test_its_user_is_made(self, unit):
        (line,) = [
            line
            for line in (DEPLOY / "lienquan.sysusers").read_text(encoding="utf-8").splitlines()
            if not line.startswith("#")
        ]
        assert line.split()[:2] == ["u", unit["User"][0]]

    def test_every_key_is_in_its_section(self, unit):
        assert unit.sections["ExecStart"] == unit.sections["ProtectSystem"] == unit.sections["MemoryMax"] == "Service"
        assert unit.sections["IPAddressDeny"] == "Service"
        assert unit.sections["StartLimitBurst"] == "Unit"
        assert unit.sections["WantedBy"] == "Install"

    def test_systemd_reads_it(self, name, tmp_path):
        if shutil.which("systemd-analyze") is None:
            pytest.skip("no systemd-analyze")
        text = (DEPLOY / name).read_text(encoding="utf-8")
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text)
        (tmp_path / name).write_text(text, encoding="utf-8")
        command = ["systemd-analyze", "verify", "--man=no", tmp_path / name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        ours = [line for line in done.stderr.splitlines() if name in line]
        assert [line for line in ours if re.search("Unknown|Failed to parse|Invalid|ignoring", line)] == []


class TestUnits:
    def test_they_differ_in_what_they_run_and_reach_alone(self):
        serve, sync = (Unit(DEPLOY / name) for name in UNITS)
        assert set(serve) == set(sync)
        assert {key for key in serve if serve[key] != sync[key]} == _OWN

    def test_the_service_talks_to_this_machine_alone(self):
        unit = Unit(DEPLOY / "lienquan.service")
        assert (unit["IPAddressDeny"], unit["IPAddressAllow"]) == (["any"], ["localhost"])

    def test_sync_reaches_what_a_source_may_be_and_the_name_server(self):
        """The kernel refuses what `indexer.sources.addresses` refuses, block by block."""
        unit = Unit(DEPLOY / "lienquan-sync.service")
        denied = [ip_network(block) for line in unit["IPAddressDeny"] for block in line.split()]
        assert {net for net in denied if net.version == 4} == set(addresses._SPECIAL_IPV4)
        beyond = set(ip_network("::/0").address_exclude(addresses._GLOBAL_IPV6))
        found = set(collapse_addresses(net for net in denied if net.version == 6))
        assert found == set(collapse_addresses([*beyond, *addresses._SPECIAL_IPV6]))
        assert unit["IPAddressAllow"] == ["127.0.0.53 127.0.0.54"]


def instructions(path):
    """Return the instructions of a Dockerfile, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.strip().split(" ", 1)) for line in lines]


class TestDocker:
    @pytest.fixture(scope="class")
    @classmethod
    def steps(cls):
        return instructions(DEPLOY / "Dockerfile")

    @staticmethod
    def of(steps, name):
        return [value for instruction, value in steps if instruction == name]

    def test_every_instruction_is_one(self, steps):
        known = {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"}
        assert {name for name, _ in steps} <= known | {"HEALTHCHECK", "ENTRYPOINT", "CMD"}

    def test_it_copies_what_there_is_and_what_is_let_through(self, steps):
        let = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        for value in self.of(steps, "COPY"):
            if value.startswith("--from"):
                continue
            for source in value.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in let

    def test_it_is_pinned_slim_and_of_no_root(self, steps):
        (default,) = [value for value in self.of(steps, "ARG") if value.startswith("PYTHON=")]
        assert re.fullmatch(r"PYTHON=3\.\d+-slim-\w+", default)
        assert "sh deploy/supply/install.sh /opt/lienquan lienquan" in self.of(steps, "RUN")[0]
        (user,) = self.of(steps, "USER")
        assert int(user) > 0
        assert f"--uid {user}" in self.of(steps, "RUN")[-1]

    def test_it_calls_what_there_is_with_settings_that_there_are(self, steps):
        assert json.loads(self.of(steps, "ENTRYPOINT")[0]) == ["lienquan"]
        check_call(json.loads(self.of(steps, "CMD")[0]))
        variables = dict(pair.split("=", 1) for value in self.of(steps, "ENV") for pair in value.split())
        ours = {name for name in variables if name.startswith(settings.PREFIX)}
        assert ours == {name for name in ours if is_setting(name)}
        assert variables["LIENQUAN_PORT"] == self.of(steps, "EXPOSE")[0]
        for path in json.loads(self.of(steps, "VOLUME")[0]):
            assert any(variables[name].startswith(path) for name in ("LIENQUAN_HOME", "LIENQUAN_MODELS"))

    def test_its_health_check_asks_what_there_is(self, steps, client_of):
        check = self.of(steps, "HEALTHCHECK")[0]
        program = json.loads(check[check.index("[") :])
        compile(program[-1], "healthcheck", "exec")
        assert f"127.0.0.1:{self.of(steps, 'EXPOSE')[0]}" in program[-1]
        path = re.search(r"127\.0\.0\.1:\d+(/\w+)", program[-1])[1]
        assert client_of().get(path).status_code == 200

    def test_compose(self, steps):
        text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
        compose = yaml.safe_load(text)
        service = compose["services"]["lienquan"]
        assert (
            DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]
        ).resolve() == DEPLOY / "Dockerfile"
        check_call(service["command"])
        assert [name for name in service["environment"] if not is_setting(name)] == []
        assert all(isinstance(value, str) for value in service["environment"].values())
        mounted = dict(volume.split(":") for volume in service["volumes"])
        assert set(mounted) == set(compose["volumes"])
        assert sorted(mounted.values()) == sorted(json.loads(self.of(steps, "VOLUME")[0]))
        assert int(service["stop_grace_period"].removesuffix("s")) > GRACE
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["ports"][0].startswith("127.0.0.1:")
        assert service["mem_limit"] == service["memswap_limit"] == "6g"
        assert service["pids_limit"] == 512
        assert service["ulimits"]["core"] == 0


def test_what_the_readme_names_is_there():
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (DEPLOY / target).exists(), target
    for command in re.findall(r"(?<!/)\b(?:lienquan|lienquan:0\.1\.0) (index|doctor|settings|serve)\b", text):
        assert f"lienquan {command}" in COMMANDS
    for heading in ("systemd", "Docker", "Compose", "Prometheus"):
        assert f"\n## {heading}\n" in text


def test_every_metric_of_the_readme_is_one(client_of):
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(lienquan_\w+)", text))
    client = client_of()
    client.get("/healthz")
    exposed = client.get("/metrics", headers={"Host": "localhost"}).text
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    source = SourceState(name="https://bao.example/rss", articles=12, succeeded=moment)
    state = SyncState(every=300, asked=moment, built=moment, sources=[source])
    exposed += text_of_sources(Condition(state, running=True, late=False)).decode()
    told = set(re.findall(r"^# HELP (\w+)", exposed, re.MULTILINE))
    assert named == told
