"""Articles on disk: what is written is read, by row, id, alias and address."""

import json
import sqlite3
import threading
from contextlib import closing

import pytest

from indexer.articles.article import Article, validate
from indexer.articles.prepared import PreparedArticle
from indexer.articles.store import FILE, Store, StoredArticle, load_article, write_store


def article(**fields):
    return validate({"id": "gom", "title": "Gốm", **fields})


def stored(**fields):
    return kept(article(**fields), "source")


def kept(found, origin):
    """Return an article as a store keeps it."""
    return StoredArticle.of(PreparedArticle.of(found), origin)


def prepared(*articles):
    """Return stored articles as a store is given them."""
    return [(one, PreparedArticle.of(one.article())) for one in articles]


@pytest.fixture
def store_of(tmp_path):
    """Return a function that writes and opens a store of articles."""
    opened = []

    def make(*articles, texts=(), name=FILE):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert write_store(path, prepared(*articles), texts) == len(articles)
        opened.append(Store(path))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


FULL = {
    "id": "gom",
    "title": "Lớp gốm “Lũng Vài”",
    "lead": "Mở.",
    "body": "Một.\nHai.",
    "body_html": "<p>Một.",
    "url": "https://lungvai.example/gom",
    "aliases": ["cu"],
    "section": "Nghề",
    "author": "Chả",
    "source": "Báo A",
    "tags": ["gốm"],
    "published_at": "2023-11-07T17:04:00.000001+07:00",
    "updated_at": "2023-11-08",
    "unpublish_at": "2033-11-08",
    "image_url": "https://lungvai.example/1.jpg",
    "extra": {"views": 10**30, "odd": "\ud800", "none": None},
}


def test_an_article_comes_back_whole(store_of):
    whole = validate(FULL)
    store = store_of(kept(whole, "api"))
    assert store.articles([0]) == [whole]
    assert store.articles([0])[0].line() == whole.line()
    assert store.count() == 1


def test_a_line_has_the_letters_themselves():
    """As escapes they would be twice as long, and three times as slow to read."""
    line = stored(title="Lũng Vài 🏺\u2028\x7f").line
    assert "Lũng Vài 🏺" in line
    assert "\\u" not in line
    assert load_article(line).title == article(title="Lũng Vài 🏺\u2028\x7f").title


def test_what_is_kept_beside_the_line():
    one = kept(validate(FULL), "api")
    assert (one.id, one.origin, one.updated) == ("gom", "api", 1_699_376_400_000_000)  # 2023-11-07T17:00:00Z
    assert one.fullness == len("Lớp gốm “Lũng Vài”") + len("Mở.") + len("Một.\nHai.")
    assert stored().updated is None
    assert one.article() == validate(FULL)


@pytest.mark.parametrize("field", sorted(set(FULL) - {"id"}))
def test_any_change_of_a_field_changes_the_fingerprint(field):
    other = {"title": "Khác", "tags": ["b"], "aliases": ["b"], "extra": {"b": 1}}.get(field, "2024-01-01")
    assert kept(validate(FULL), "api").fingerprint != kept(validate({**FULL, field: other}), "api").fingerprint


def test_only_what_is_encoded_changes_the_key():
    keys = {
        stored(section=s, author=a, tags=[a], url=a, published_at="2023-11-07").key for s, a in [("x", "y"), ("z", "w")]
    }
    assert keys == {stored().key}
    assert len({stored().key, stored(title="B").key, stored(lead="B").key, stored(body="B").key}) == 4
    assert stored(body="Một\nhai").key == stored(body_html="<p>Một<p>hai").key


def test_rows_count_in_the_order_written(store_of):
    store = store_of(stored(id="b"), stored(id="a"), stored(id="c"))
    assert [store.row_of(name) for name in "bac"] == [0, 1, 2]
    assert [one.id for one in store.articles([2, 0, 1, 0])] == ["c", "b", "a", "b"]
    assert store.articles([]) == []
    assert store.row_of("d") is None
    assert store.row_of("A") is None


def test_more_rows_than_one_statement_takes(store_of):
    store = store_of(*(stored(id=f"a{row}") for row in range(1203)))
    asked = [*range(1202, -1, -1), 7]
    assert [one.id for one in store.articles(asked)] == [f"a{row}" for row in asked]


def test_names(store_of):
    store = store_of(
        stored(id="a", url="https://www.lungvai.example/gom/", aliases=["cu", "http://lungvai.example/cu?utm_x=1"]),
        stored(id="b", url="http://lungvai.example/gom", aliases=["cu", "lungvai.example/gom", "tin.1"]),
    )
    assert store.rows_named("id", "tin.1") == [1]
    assert store.rows_named("url", "lungvai.example/gom") == [0, 1]
    assert store.rows_named("url", "lungvai.example/cu") == [0]
    assert store.rows_named("id", "cu") == [0, 1]
    assert store.rows_named("id", "lungvai.example/cu") == []
    assert store.rows_named("id", "a") == []


def test_lone_surrogates_find_nothing(store_of):
    store = store_of(stored())
    assert store.row_of("\ud800") is None
    assert store.rows_named("url", "\ud800") == []


@pytest.mark.parametrize("name", ["a?b#c.sqlite", "a%20b.sqlite", "Lũng Vài/một hai.sqlite", "a?mode=rwc&x.sqlite"])
def test_a_path_of_any_letters(store_of, tmp_path, name):
    assert store_of(stored(), name=name).row_of("gom") == 0
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 1


def test_reading_leaves_the_folder_as_it_was(store_of, tmp_path):
    store = store_of(stored(), texts=[(b"k", 0)])
    written = (tmp_path / FILE).read_bytes()
    store.articles([0])
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store._fetch("DELETE FROM articles")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).read_bytes() == written


def test_a_lock_on_the_file_does_not_keep_readers_waiting(store_of, tmp_path):
    store = store_of(stored())
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert store.row_of("gom") == 0


def test_an_id_stands_once(tmp_path):
    with pytest.raises(sqlite3.IntegrityError):
        write_store(tmp_path / FILE, prepared(stored(), stored()), [])


def test_opening_none_is_an_error(tmp_path):
    with pytest.raises(sqlite3.OperationalError):
        Store(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_stored_article_is_read_as_it_was_written():
    given = Article.model_validate(
        {
            "id": "gom",
            "title": "Gốm",
            "published_at": "2025-01-02T03:04:05.678",
            "tags": ["lò"],
            "extra": {"a": [1, None]},
        }
    )
    assert load_article(kept(given, "source").line) == given


def test_a_stored_article_is_an_article_like_any_other():
    given = validate(FULL)
    loaded = load_article(kept(given, "source").line)
    assert loaded.model_fields_set == set(Article.model_fields)
    assert (loaded.model_extra, loaded.__pydantic_private__) == (None, None)
    assert loaded.model_copy(update={"body": None}).line() == given.model_copy(update={"body": None}).line()
    with pytest.raises(ValueError, match="frozen"):
        loaded.title = "Sửa"


def test_what_a_line_of_an_earlier_version_lacks_is_absent():
    assert load_article(json.dumps({"id": "gom", "title": "Gốm", "lead": "Mở."})) == article(lead="Mở.")


def test_it_answers_after_its_file_is_gone(store_of, tmp_path):
    store = store_of(stored())
    (tmp_path / FILE).unlink()
    assert store.row_of("gom") == 0


def test_closing(store_of):
    store = store_of(stored())
    store.close()
    store.close()
    with pytest.raises(sqlite3.ProgrammingError):
        store.row_of("gom")


def test_threads_share_a_store(store_of):
    store = store_of(*(stored(id=f"a{row}") for row in range(200)))
    wrong = []

    def ask(first):
        for row in range(first, 200, 4):
            if store.row_of(f"a{row}") != row or store.articles([row, 0])[0].id != f"a{row}":
                wrong.append(row)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
