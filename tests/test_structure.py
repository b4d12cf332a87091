"""What the pieces may know of each other, what the documents must name, and what the wheel must hold."""

import ast
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement

from service.cli import main

ROOT = Path(__file__).parents[1]
FLOORS = ("models", "indexer", "service")
MODULES = {
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"): path
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
}
# Arrays in, arrays out: no files, no clock, no settings, no archive.
PURE = tuple(name for name in MODULES if name.startswith("service.ranking."))
# Which declared dependency an imported package comes with, where that is not its own name.
COMES_WITH = {
    **{"charset_normalizer": "charset-normalizer"},
    **{"werkzeug": "flask", "markupsafe": "flask", "jinja2": "flask", "itsdangerous": "flask", "faiss": "faiss-cpu"},
    **{"flask_limiter": "flask-limiter", "limits": "flask-limiter"},
    **{"sklearn": "scikit-learn"},
    **{"pydantic_core": "pydantic", "pydantic_settings": "pydantic-settings"},
    **{"prometheus_client": "prometheus-client"},
    **{"sentence_transformers": "sentence-transformers", "transformers": "sentence-transformers"},
    **{"tokenizers": "sentence-transformers", "torch": "sentence-transformers", "onnx": "sentence-transformers"},
    **{"onnxruntime": "sentence-transformers", "optimum": "sentence-transformers"},
    **{"safetensors": "sentence-transformers", "huggingface_hub": "sentence-transformers"},
}


@cache
def parsed(path):
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports(path):
    """Return the modules that a file imports, at its top or within, for type checking only or not."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.append(node.module)
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return found


def top(module):
    return module.split(".")[0]


def room(module):
    """Return the package of a floor, or the module at its top, that a module is in."""
    return ".".join(module.split(".")[1:2]) or module


def types_of(tree):
    """Return the names of the classes that a module defines, local ones too, and of its aliases of types."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and not ast.unparse(node.value).startswith("TypeVar("):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return {name for name in found if re.match("_?[A-Z].*[a-z]", name)}


def importers(package):
    return {name for name, path in MODULES.items() if package in map(top, imports(path))}


class TestImports:
    def test_every_floor_has_modules(self):
        assert {top(name) for name in MODULES} == set(FLOORS)
        assert len(MODULES) > 30

    @pytest.mark.parametrize("name", MODULES)
    def test_imports_are_absolute_and_point_down(self, name):
        above = set(FLOORS[FLOORS.index(top(name)) + 1 :])
        assert sorted(above.intersection(map(top, imports(MODULES[name])))) == []

    def test_no_two_modules_import_each_other(self):
        graph = {name: {m for m in imports(path) if m in MODULES} - {name} for name, path in MODULES.items()}
        packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
        for name, imported in graph.items():
            for other in imported - packages:
                assert name not in graph[other] or name in packages, f"{name} and {other} import each other"

    @pytest.mark.parametrize(
        ("floor", "some"),
        [
            ("indexer", {"files", "text", "index", "relations", "snapshot", "building"}),
            ("service", {"errors", "ranking", "searcher", "pages"}),
        ],
    )
    def test_no_packages_of_a_floor_import_each_other_in_a_circle(self, floor, some):
        """A module at the top of the floor counts as a package of its own."""
        graph: dict[str, set[str]] = {}
        for name, path in MODULES.items():
            if top(name) == floor and name != floor:
                found = {room(module) for module in imports(path) if module in MODULES and top(module) == floor}
                graph.setdefault(room(name), set()).update(found - {room(name), floor})
        order = list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle
        assert some <= set(order)

    @pytest.mark.parametrize("floor", ["indexer", "service"])
    def test_packages_say_what_they_are_for_and_hold_nothing(self, floor):
        for path in sorted((ROOT / floor).glob("*/__init__.py")):
            if path.parent.name not in {"pages", "sources"}:
                (said,) = parsed(path).body
                assert isinstance(said, ast.Expr), path

    @pytest.mark.parametrize(
        ("package", "expected"),
        [
            ("faiss", {"indexer.index.vectors"}),
            ("tantivy", {"indexer.index.lexical"}),
            ("sentence_transformers", {"models.sentence_transformer"}),
            ("flask_limiter", {"service.app"}),
            ("itsdangerous", {"service.clicks.lists", "service.security.flows", "service.security.sessions"}),
            ("authlib", {"service.security.oidc"}),
            ("joserfc", {"service.security.oidc"}),
            (
                "sqlite3",
                {
                    *(
                        "indexer.backup",
                        "indexer.building.cache",
                        "indexer.changes.journal",
                        "indexer.building.staging",
                    ),
                    *("indexer.sources.memory", "indexer.articles.store", "indexer.sources.tally"),
                    *("service.judging.judgements", "service.security.keys", "service.files.database"),
                    *("service.clicks.log", "service.observing.hourly", "service.security.audit"),
                    "service.security.people",
                    *("service.observing.query_log", "service.observing.rare"),
                },
            ),
            ("urllib3", {"indexer.sources.fetching", "indexer.sources.politeness"}),
            ("feedparser", {"indexer.sources.feed"}),
            ("protego", {"indexer.sources.politeness"}),
            ("sqlalchemy", {"indexer.sources.sql"}),
            (
                "fcntl",
                {
                    *("indexer.sources.following", "indexer.files.progress", "indexer.snapshot.home"),
                    *("service.files.edited", "service.observing.metrics"),
                },
            ),
            ("babel", {"service.wording.catalogue", "service.wording.strings"}),
            ("prometheus_client", {"service.observing.metrics"}),
            ("scipy", {"indexer.relations.terms", "service.clicks.intervals"}),
            ("sklearn", {"indexer.snapshot.projection"}),
            ("onnxruntime", {"models.onnx", "models.quantise"}),
            ("tokenizers", {"models.bundled", "models.onnx"}),
            (
                "gunicorn",
                {
                    "service.serve",
                    "service.serving.connection",
                    "service.serving.unreadable",
                    "service.serving.worker",
                },
            ),
            (
                "click",
                {
                    "service.cli",
                    *(
                        f"service.commands.{name}"
                        for name in ("common", "archive", "articles", "asking", "comparing", "exporting", "following")
                    ),
                    *(f"service.commands.{name}" for name in ("judgements", "keys", "operating", "rules", "upkeep")),
                    "service.commands.clicks",
                    "service.commands.words",
                    "service.commands.audit",
                },
            ),
        ],
    )
    def test_one_importer(self, package, expected):
        assert importers(package) == expected

    @pytest.mark.parametrize("name", PURE)
    def test_what_ranks_is_pure(self, name):
        found = set(imports(MODULES[name]))
        outside = {top(module) for module in found} - set(FLOORS)
        assert outside <= {"__future__", "collections", "dataclasses", "typing", "numpy", "pydantic"}
        inside = {module for module in found if module in MODULES} - {"service", "service.ranking", "indexer"}
        assert inside <= {*PURE, "indexer.articles.columns"}

    def test_flask_is_known_to_app_api_state_and_pages_alone(self):
        pages = {name for name in MODULES if name.startswith("service.pages.")}
        known = {"service.app", "service.api", "service.state", *pages}
        assert importers("flask") == known
        assert importers("werkzeug") <= known

    def test_only_what_is_declared_is_imported(self):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = [line for name in ("sql",) for line in project["optional-dependencies"][name]]
        declared = {Requirement(line).name for line in [*project["dependencies"], *extras]}
        found = {top(module) for path in MODULES.values() for module in imports(path)}
        outside = found - set(sys.stdlib_module_names) - set(FLOORS)
        assert {COMES_WITH.get(package, package) for package in outside} == declared

    @pytest.mark.parametrize(
        ("module", "heavy"),
        [
            ("service.cli", ["numpy", "faiss", "tantivy", "flask", "torch", "sentence_transformers", "pydantic"]),
            ("service.serve", ["numpy", "faiss", "tantivy", "flask", "torch", "sentence_transformers", "onnxruntime"]),
            ("service.settings", ["numpy", "faiss", "tantivy", "flask", "torch", "sentence_transformers"]),
            ("service.app", ["torch", "sentence_transformers", "transformers", "onnxruntime", "gunicorn"]),
            ("indexer.index.lexical_query", ["tantivy", "faiss", "scipy", "sklearn"]),
            ("indexer.index.protocols", ["tantivy", "faiss", "scipy", "sklearn"]),
            ("indexer.building.build", ["torch", "sentence_transformers", "flask", "onnxruntime", "sklearn"]),
            ("indexer.sources.following", ["sqlalchemy", "feedparser", "urllib3", "trafilatura", "htmldate"]),
            ("indexer.sources", ["sqlalchemy", "feedparser", "urllib3", "trafilatura", "htmldate"]),
        ],
    )
    def test_what_is_heavy_is_imported_only_when_it_is_used(self, module, heavy):
        code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({heavy!r})))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
        assert done.stdout.split() == []

    def test_every_module_says_what_it_owns(self):
        for name, path in MODULES.items():
            assert ast.get_docstring(parsed(path)), name

    def test_no_name_stands_for_two_classes(self):
        """Nor for a class and an alias of a type. What a TypeVar stands for is its module's own matter."""
        where: dict[str, list[str]] = {}
        for name, path in MODULES.items():
            for defined in sorted(types_of(parsed(path))):
                where.setdefault(defined, []).append(name)
        assert {defined: names for defined, names in where.items() if len(names) > 1} == {}

    def test_importing_leaves_logging_alone(self):
        code = f"""
import importlib, logging, sys
for name in {sorted(MODULES)}:
    importlib.import_module(name)
known = logging.root.manager.loggerDict.values()
ours = [l for l in known if getattr(l, "level", 0) and l.name.split(".")[0] in {FLOORS}]
print(logging.root.level, len(logging.root.handlers), len(ours))
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
        assert done.stdout.split() == ["30", "0", "0"]
        assert done.stderr == ""


def commands(command, path):
    """Yield every command with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")


COMMANDS = dict(commands(main, "lienquan"))


class TestDocuments:
    """README.md and docs/ name every command, and every long option beside the command that has it."""

    @pytest.fixture(scope="class")
    @classmethod
    def text(cls):
        pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
        return "\n".join(page.read_text(encoding="utf-8") for page in pages)

    def test_there_are_commands(self):
        assert {"lienquan index", "lienquan snapshots rollback", "lienquan models check"} <= set(COMMANDS)
        assert {"lienquan rules pin", "lienquan rules remove", "lienquan keys create"} <= set(COMMANDS)

    @pytest.mark.parametrize("path", COMMANDS)
    def test_command_and_its_options_are_named(self, text, path):
        assert re.search(rf"\b{path}\b", text), f"README.md and docs/ do not name `{path}`"
        options = [name for option in COMMANDS[path].params for name in option.opts if name.startswith("--")]
        missing = [name for name in options if not re.search(rf"(?<![\w-]){name}(?![\w-])", text)]
        assert missing == []

    def test_nothing_that_is_not_there_is_named(self, text):
        named = set(
            re.findall(
                r"(?<![\w/-])lienquan ((?:audit|judgements|keys|snapshots|models|rules|words) [a-z]+|[a-z-]+[a-z])",
                text,
            )
        )
        known = {path.removeprefix("lienquan ") for path in COMMANDS}
        assert {words for words in named if words not in known and words.split()[0] not in known} == set()

    def test_links_lead_somewhere(self):
        for page in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
            for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", page.read_text(encoding="utf-8")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"

    def test_files_that_the_map_and_the_decisions_name_are_there(self):
        pages = [ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs" / "decisions").glob("*.md"))]
        for page in pages:
            text = page.read_text(encoding="utf-8")
            named = re.findall(r"`((?:models|indexer|service|tests|benchmarks)/[^`\s]+)`", text)
            assert [path for path in named if not (ROOT / path).exists()] == [], page.name

    def test_the_map_stays_one(self):
        assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split()) <= 3_500

    @pytest.mark.parametrize("floor", FLOORS)
    def test_every_module_is_named_on_the_page_of_its_floor(self, floor):
        """Whole paths are not asked for: a page has a section for each package."""
        page = (ROOT / "docs" / f"{floor}.md").read_text(encoding="utf-8")
        modules = {path.name for name, path in MODULES.items() if top(name) == floor} - {"__init__.py"}
        named = {name for name in re.findall(r"`(?:[\w]+/)*(\w+\.py)`", page)}
        assert modules - named == set()

    @pytest.mark.parametrize("floor", ["indexer", "service"])
    def test_every_room_is_on_the_map(self, floor):
        text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
        said = text.split(f"### Rooms of `{floor}/`")[1].split("\n## ")[0]
        for path in sorted((ROOT / floor).glob("*/__init__.py")):
            assert f"`{path.parent.name}/`" in said, path.parent.name

    def test_every_decision_is_in_the_index_once(self):
        directory = ROOT / "docs" / "decisions"
        index = (directory / "README.md").read_text(encoding="utf-8")
        listed = re.findall(r"^- (\d+)\. \[(.+)\]\((\d{3})-[a-z0-9-]+\.md\)$", index, re.MULTILINE)
        pages = sorted(directory.glob("[0-9]*.md"))
        assert sorted(int(number) for number, _, _ in listed) == list(range(1, len(pages) + 1))
        for page, (number, title, of) in zip(pages, sorted(listed, key=lambda each: int(each[0])), strict=True):
            assert page.name.startswith(f"{of}-")
            assert page.read_text(encoding="utf-8").startswith(f"# {number}. {title}\n"), page.name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the sources, so that the tree is left as it is."""
    sources, target = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, sources / floor, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources / name)
    here = ["--no-build-isolation"] if importlib.util.find_spec("setuptools") else []
    pip(sys.executable, "wheel", "--no-deps", *here, "--wheel-dir", target, sources)
    (built,) = target.glob("*.whl")
    return built


def pip(python, command, *arguments):
    options = ["--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, command, *options, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return the scripts' directory of an empty venv with the wheel, which borrows all other packages from here."""
    directory = tmp_path_factory.mktemp("venv")
    venv.create(directory, with_pip=False, symlinks=True)
    scripts = directory / "bin"
    pip(scripts / "python", "install", "--no-deps", wheel)
    (site,) = directory.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n" + sysconfig.get_path("platlib") + "\n")
    return scripts


def outside(command, directory):
    """Run a command away from the sources and return what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LIENQUAN_", "PYTHON"))}
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=directory, env=kept, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestWheel:
    def test_it_holds_every_module_and_all_that_they_read(self, wheel):
        held = set(zipfile.ZipFile(wheel).namelist())
        files = [path for floor in FLOORS for path in (ROOT / floor).rglob("*") if path.is_file()]
        expected = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
        assert {"models/probe.txt", "indexer/sample/articles.jsonl", "service/static/style.css"} <= expected
        assert {f"indexer/language/lexicon/{name}.tsv" for name in ("abbreviations", "bodies", "places")} <= expected
        assert {"indexer/language/lexicon/words.txt", "indexer/language/lexicon/README.md"} <= expected
        assert {"service/templates/base.html", "service/templates/search.html"} <= expected
        assert expected - held == set()
        assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == set(FLOORS)

    def test_what_it_says_of_itself(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            metadata = archive.read(name).decode()
            scripts = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
        assert "\nName: lienquan\n" in metadata
        assert "\nLicense-Expression: MIT\n" in metadata
        assert f"\nVersion: {importlib.metadata.version('lienquan')}\n" in metadata
        assert scripts.split() == ["[console_scripts]", "lienquan", "=", "service.cli:main"]

    def test_the_console_script_runs(self, installed, tmp_path):
        assert outside([installed / "lienquan", "--version"], tmp_path).startswith("lienquan, version ")
        assert "rollback" in outside([installed / "lienquan", "snapshots", "--help"], tmp_path)
        assert "index" in outside([installed / "lienquan", "--help"], tmp_path)

    def test_it_is_the_wheel_that_runs_and_not_these_sources(self, installed, tmp_path):
        code = "import service, indexer, models; print(service.__file__, indexer.__file__, models.__file__)"
        places = outside([installed / "python", "-c", code], tmp_path).split()
        assert [place for place in places if not place.startswith(str(installed.parent))] == []

    def test_it_indexes_its_own_sample_and_shows_a_page(self, installed, tmp_path):
        code = """
import pathlib, indexer
from service.app import create_app
from service.live import Live
from service.settings import Settings
from indexer.building.build import build
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
home = pathlib.Path("home")
report = build(Home(home), [str(pathlib.Path(indexer.__file__).parent / "sample" / "articles.jsonl")], HashingEncoder)
live = Live(home, HashingEncoder)
live.refresh()
client = create_app(Settings(home=home, model="hashing"), live).test_client()
print(report.articles, *(client.get(path).status_code for path in ("/", "/static/0/style.css", "/api/docs")))
"""
        assert outside([installed / "python", "-c", code], tmp_path).split() == ["154", "200", "200", "200"]
