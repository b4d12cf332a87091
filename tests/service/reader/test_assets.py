"""Static files: one version for all, which changes with any of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from service.reader import assets
from service.reader.assets import Asset, Assets


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "a.css").write_bytes(b"p { margin: 0 }\n" * 50)
    (tmp_path / "b.js").write_bytes(b"")
    (tmp_path / "c.png").write_bytes(b"\x89PNG" * 50)
    return tmp_path


def test_files_are_held_and_packed_where_that_helps(directory):
    assets = Assets(directory)
    style, script, picture = (assets.find(name) for name in ("a.css", "b.js", "c.png"))
    assert style.content == b"p { margin: 0 }\n" * 50
    assert gzip.decompress(style.packed) == style.content
    assert style.content_type == "text/css; charset=utf-8"
    assert script == Asset(b"", None, "text/javascript; charset=utf-8")
    assert picture == Asset(b"\x89PNG" * 50, None, "image/png")


@pytest.mark.parametrize("name", ["d.css", "", "..", "../a.css", "a.css/", "/a.css"])
def test_nothing_else_is_found(directory, name):
    assert Assets(directory).find(name) is None


def test_equal_files_have_an_equal_version(directory, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    for path in reversed(sorted(directory.iterdir())):
        (other / path.name).write_bytes(path.read_bytes())
    assert Assets(directory).version == Assets(other).version
    assert len(Assets(directory).version) == 12


def change_content(directory):
    (directory / "a.css").write_bytes(b"p { margin: 1 }\n" * 50)


def rename(directory):
    (directory / "a.css").rename(directory / "d.css")


def move_a_byte(directory):
    (directory / "a.css").write_bytes(b"p { margin: 0 }\n" * 50 + b"b.js")


def add(directory):
    (directory / "d.css").write_bytes(b"")


@pytest.mark.parametrize("change", [change_content, rename, move_a_byte, add])
def test_any_change_changes_the_version(directory, change):
    before = Assets(directory)
    change(directory)
    assert Assets(directory).version != before.version
    assert before.find("a.css").content == b"p { margin: 0 }\n" * 50


STATIC = Path(assets.__file__).parents[1] / "static"


@pytest.mark.parametrize("name", assets.EMBEDDED)
def test_what_other_sites_load_is_small(name):
    """Packed as it is served."""
    assert len(Assets(STATIC).find(name).packed) <= 5_000


@pytest.mark.parametrize(("name", "version"), assets.EMBEDDED.items())
def test_for_how_long_a_file_is_kept(name, version):
    files = Assets(STATIC)
    assert files.kept(files.version, name) == "public, max-age=31536000, immutable"
    assert files.kept(version, name) == "public, max-age=3600, stale-while-revalidate=86400"
    assert files.kept("v0", name) == files.kept(version, "style.css") == "no-cache"
