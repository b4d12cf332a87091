"""Finds every regular expression of the three packages and runs each against texts made to slow it down.

`python -m tests.hostile_patterns` prints the slowest, in milliseconds at 100,000 characters. It runs the expressions in
its own process; one that is exponential ends the process (SIGPROF), and the last line printed names it.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from re import _compiler, _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from indexer.limits.time_limit import OutOfTime, processor_seconds

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "indexer", "service", "integrations/python")
LENGTH = 100_000
"""Characters of a hostile text."""
SCREENED = 10_000
"""Length of a first run; only what takes longer than `_QUICK` there is run at the full length."""
_QUICK = 0.0025
"""Seconds of the first run; an expression quadratic by a nanosecond a step takes 0.05 s there."""
_SLOW = 1.0
"""Seconds at which a run is broken off; no slower text is looked for after it."""
CPU_SECONDS = 8
"""What one expression may take for all of its texts, before the process is ended."""

_FUNCTIONS = frozenset("compile search match fullmatch split findall finditer sub subn".split())
_ANCHORED = frozenset({"match", "fullmatch"})
DYNAMIC: dict[str, tuple[str, ...]] = {
    "indexer/sources/described.py:_compiles": (),
    "indexer/sources/web.py:__init__": (),
    "service/passages/snippets.py:_bare": (" 0*(?:08|2023|19)(?= )",),
    "service/passages/snippets.py:_token_pattern": (r"[^\W_]++(?:[\u0300\u200d]++[^\W_]*+)*+",),
}
"""Expressions that are made while running, by file and function: examples of what is made there."""


@dataclass(frozen=True)
class Use:
    """An expression and how it is used.

    :param where: File and line.
    :param methods: Names of the methods of `re.Pattern`; `search` stands for all that look everywhere.
    """

    where: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]


def modules() -> Iterator[tuple[str, str]]:
    """Yield the file and the name of each module of the packages."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            name = path.stem if package.startswith("integrations") else file[:-3].replace("/", ".")
            yield file, name.removesuffix(".__init__")


def _is_re_call(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _FUNCTIONS
    )


class _Calls(ast.NodeVisitor):
    """The calls of `re` in a module, each with the function that it stands in and the names it is given to."""

    def __init__(self) -> None:
        self.found: list[tuple[ast.Call, str, tuple[str, ...]]] = []
        self.methods: dict[str, set[str]] = {}
        self.imported = False
        self._within: list[str] = []
        self._named: tuple[str, ...] = ()
        self._read: set[int] = set()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._within.append(node.name)
        self.generic_visit(node)
        self._within.pop()

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imported |= node.module == "re"

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned(node, node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._assigned(node, [node.target])

    def _assigned(self, node: ast.AST, targets: list[ast.expr]) -> None:
        self._named = tuple(getattr(target, "id", None) or getattr(target, "attr", "") for target in targets)
        self.generic_visit(node)
        self._named = ()

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = getattr(node.value, "id", None) or getattr(node.value, "attr", "")
        if hasattr(re.Pattern, node.attr):
            self.methods.setdefault(name, set()).add(node.attr)
            self._read.add(id(node.value))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and id(node) not in self._read:
            self.methods.setdefault(node.id, set()).add("anything")

    def visit_Call(self, node: ast.Call) -> None:
        if _is_re_call(node):
            self.found.append((node, self._within[-1] if self._within else "", self._named))
        self.generic_visit(node)


def _held(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """Yield the expressions in a value: itself, or within containers and classes."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, dict):
        yield from (p for pair in value.items() for part in pair for p in _held(part, depth + 1))
    elif depth < 4 and isinstance(value, list | tuple | set | frozenset):
        yield from (p for part in value for p in _held(part, depth + 1))
    elif depth == 0 and isinstance(value, type):
        yield from (p for part in vars(value).values() for p in _held(part, 1))


def _methods(calls: _Calls, call: ast.Call, names: Iterable[str]) -> frozenset[str]:
    function = call.func.attr  # type: ignore[attr-defined]
    if function != "compile":
        return frozenset({function if function in _ANCHORED else "search"})
    used = set().union(*(calls.methods.get(name, set()) for name in names)) - {"pattern", "flags", "groups"}
    if not used or "anything" in used:
        return frozenset({"search"}) | _ANCHORED
    return frozenset(name if name in _ANCHORED else "search" for name in used)


def _schema_patterns(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is given as `pattern`, to pydantic or in a JSON Schema."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "pattern":
            yield node.value
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "pattern":
                    yield value


def uses() -> tuple[list[Use], list[str]]:
    """Return every expression with its use, and in words what could not be found out."""
    found: list[Use] = []
    problems: list[str] = []
    sys.path.insert(0, str(ROOT / "integrations/python"))
    for file, name in modules():
        source = (ROOT / file).read_text()
        if re.search(r"\bre\b|pattern", source) and not name.endswith("__main__"):
            found += _of_module(file, name, source, problems)
    return found, problems


def _of_module(file: str, name: str, source: str, problems: list[str]) -> Iterator[Use]:
    tree, calls = ast.parse(source), _Calls()
    calls.visit(tree)
    if calls.imported:
        problems.append(f"{file}: expected `import re`, not `from re import`")
    space = vars(importlib.import_module(name))
    written = list(_written(file, space, calls, problems))
    yield from written
    yield from _unwritten(file, name, tree, calls, {use.pattern for use in written}, problems)
    for node in _schema_patterns(tree):
        pattern = _value(node, space)
        if isinstance(pattern, str):
            yield Use(f"{file}:{node.lineno}", re.compile(pattern), frozenset({"search"}))


def _unwritten(
    file: str, name: str, tree: ast.AST, calls: _Calls, known: set[re.Pattern[Any]], problems: list[str]
) -> Iterator[Use]:
    """Yield the expressions that a module's variables hold beyond those known: made in a loop, or else a problem."""
    space = vars(importlib.import_module(name))
    in_loop = any(not within and not _evaluates(call, space) for call, within, _ in calls.found)
    for variable, value in space.items():
        for pattern in _held(value):
            if pattern in known or getattr(value, "__module__", name) != name:
                continue
            if in_loop:
                yield Use(f"{file}:{variable}", pattern, frozenset({"search"}) | _ANCHORED)
            elif not _is_imported(tree, variable):
                problems.append(f"{file}: {variable} holds {pattern.pattern!r}, which stands in no call of `re`")


def _is_imported(tree: ast.AST, variable: str) -> bool:
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom | ast.Import))
    return any((alias.asname or alias.name) == variable for node in imports for alias in node.names)


def _value(node: ast.expr, space: dict[str, Any]) -> Any:
    try:
        return eval(compile(ast.Expression(node), "pattern", "eval"), dict(space))
    except NameError:
        return None


def _evaluates(call: ast.Call, space: dict[str, Any]) -> bool:
    return _value(call.args[0], space) is not None


def _flags(call: ast.Call, space: dict[str, Any]) -> int:
    """Return the flags that a call of `re` gives: by name, or behind its other arguments."""
    place = {"compile": 1, "sub": 4, "subn": 4, "split": 3}.get(call.func.attr, 2)  # type: ignore[attr-defined]
    given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"] or call.args[place : place + 1]
    return int(_value(given[0], space)) if given else 0


def _written(file: str, space: dict[str, Any], calls: _Calls, problems: list[str]) -> Iterator[Use]:
    for call, within, names in calls.found:
        where = f"{file}:{call.lineno}"
        pattern = _value(call.args[0], space)
        methods = _methods(calls, call, names)
        if pattern is not None:
            yield Use(where, re.compile(pattern, _flags(call, space)), methods)
        elif within:
            key = f"{file}:{within}"
            if key not in DYNAMIC:
                problems.append(f"{where}: made while running; expected examples under {key!r} in DYNAMIC")
            for example in DYNAMIC.get(key, ()):
                yield Use(where, re.compile(example, _flags(call, space)), methods)


# Texts.

_CANDIDATES = "a1A0 -<\"'([.,:;/>=&\n\tđẢ…_é\x00–"
_ALWAYS = (
    "a",
    "1",
    " ",
    "\n",
    "<",
    "<a ",
    "a-",
    "a1",
    "[a ",
    "1.",
    '"',
    "&#",
    "a ",
    "A ",
    "-",
    "(",
    " \n",
    "aa.",
    "m.",
)


class _Pumps:
    """Texts drawn from an expression: its literals, a sample of each part that repeats, the starts of its sequences."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.pumps: dict[str, None] = {}
        self.starts: dict[str, None] = {"": None}
        self._flags = pattern.flags & ~re.TEMPLATE if hasattr(re, "TEMPLATE") else pattern.flags
        source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
        flags = self._flags if isinstance(pattern.pattern, str) else self._flags | re.UNICODE
        self._tree = _parser.parse(source, flags)
        self._groups: dict[int, str] = {}
        self._sequence(self._tree)

    def _sequence(self, items: Any) -> str:
        """Return a sample of a sequence, and keep what may be repeated of it."""
        text, literal = "", ""
        for op, value in items:
            part = self._sample(op, value)
            literal = literal + part if op is _constants.LITERAL else ""
            text += part
            for pump in (part, literal, text):
                if pump:
                    self.pumps[pump[:200]] = None
            self.starts[text[:200]] = None
        return text

    def _sample(self, op: Any, value: Any) -> str:
        if op is _constants.LITERAL:
            return chr(value)
        if op in {_constants.IN, _constants.NOT_LITERAL, _constants.ANY, _constants.CATEGORY}:
            return self._member(op, value)
        if op in {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}:
            low, _, body = value
            return self._sequence(body) * max(1, min(low, 3000))
        if op is _constants.BRANCH:
            samples = [self._sequence(branch) for branch in value[1]]
            return max(samples, key=len)
        if op is _constants.SUBPATTERN:
            self._groups[value[0]] = sample = self._sequence(value[3])
            return sample
        if op is _constants.ATOMIC_GROUP:
            return self._sequence(value)
        if op is _constants.GROUPREF:
            return self._groups.get(value, "")
        if op in {_constants.ASSERT, _constants.ASSERT_NOT}:
            self._sequence(value[1])
        return ""

    def _member(self, op: Any, value: Any) -> str:
        node = _parser.SubPattern(self._tree.state, [(op, value)])
        one = _compiler.compile(node, self._flags)
        given = [chr(a) for kind, a in value if kind is _constants.LITERAL] if op is _constants.IN else []
        fits = [c for c in [*given[:4], *_CANDIDATES] if _fits(one, c)]
        for character in fits[:4]:
            self.pumps[character] = None
        return fits[0] if fits else "a"


def _fits(one: re.Pattern[Any], character: str) -> bool:
    try:
        return one.fullmatch(character) is not None
    except TypeError:
        return one.fullmatch(character.encode("utf-8")) is not None


def hostile_texts(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], Any]]:
    """Yield makers of texts of a length that are hard on an expression, of its own kind: str or bytes."""
    drawn = _Pumps(pattern)
    pumps = list(dict.fromkeys([*drawn.pumps, *_ALWAYS]))[:70]
    singles = [pump for pump in pumps if len(pump) == 1][:7]
    pumps += [a + b for a in singles for b in singles if a != b]
    starts = sorted(drawn.starts, key=len)[:8]
    for number, pump in enumerate(dict.fromkeys(pumps)):
        for start in starts if number < 25 else starts[:1]:
            for end in ("", "\x00"):
                yield lambda length, s=start, p=pump, e=end: _as(pattern, s + p * (length // len(p)) + e)


def _as(pattern: re.Pattern[Any], text: str) -> Any:
    return text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")


def _run(pattern: re.Pattern[Any], method: str, text: Any) -> None:
    if method == "search":
        for _ in pattern.finditer(text):
            pass
    else:
        getattr(pattern, method)(text)


def seconds(pattern: re.Pattern[Any], method: str, text: Any, times: int = 3) -> float:
    """Return the CPU time of a method over a text, the least of so many runs; one that takes `_SLOW` is the last."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        with suppress(OutOfTime), processor_seconds(_SLOW):
            _run(pattern, method, text)
        taken.append(time.process_time() - began)
        if taken[-1] >= _SLOW:
            break
    return min(taken)


def worst(use: Use) -> tuple[float, float, str]:
    """Return the seconds of the slowest text at LENGTH, the seconds of its quarter, and its start; zeros if quick."""
    slowest = (0.0, 0.0, "")
    for method in sorted(use.methods):
        for make in hostile_texts(use.pattern):
            if seconds(use.pattern, method, make(SCREENED), 1) < _QUICK:
                continue
            if seconds(use.pattern, method, make(SCREENED), 2) < _QUICK:
                continue
            taken = seconds(use.pattern, method, make(LENGTH))
            if taken > slowest[0]:
                quarter = seconds(use.pattern, method, make(LENGTH // 4))
                slowest = (taken, quarter, f"{method} {make(60)!r}")
                if taken >= _SLOW:
                    return slowest
    return slowest


def main() -> None:
    """Run all; print what is run, then its figures, a JSON line each, so that what hangs is named by the last line."""
    found, problems = uses()
    print(json.dumps({"problems": problems, "count": len(found)}), flush=True)
    skipped = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    for number, use in enumerate(found):
        if number < skipped:
            continue
        print(json.dumps({"number": number, "where": use.where, "pattern": str(use.pattern.pattern)[:80]}), flush=True)
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        taken, quarter, text = worst(use)
        print(json.dumps({"seconds": taken, "quarter": quarter, "text": text}), flush=True)
    signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main()
