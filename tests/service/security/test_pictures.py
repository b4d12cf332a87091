"""Which pictures a page may load."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from indexer.articles.article import validate
from service.security.pictures import Pictures
from service.settings import Settings


def article(url):
    return validate({"id": "a", "title": "Lò gốm", "image_url": url})


HOSTS = ("anh.bao.example", "*.cdn.example", "cong.example:8443", "*.muon.example:443")


@pytest.mark.parametrize(
    "url",
    [
        "https://anh.bao.example/a.jpg?w=1#x",
        "https://anh.bao.example:443/a.jpg",
        "https://ANH.BAO.EXAMPLE/a.jpg",
        "https://x.cdn.example/",
        "https://y.x.cdn.example/",
        "https://cong.example:8443/a",
        "https://a.muon.example/",
    ],
)
def test_pictures_of_named_hosts(url):
    assert Pictures(HOSTS).of(article(url)) == url
    assert Pictures(HOSTS).any([article(None), article(url)])
    assert Pictures().of(article(url)) is None


@pytest.mark.parametrize(
    "url",
    [
        None,
        "http://anh.bao.example/a.jpg",
        "//anh.bao.example/a.jpg",
        "https://bao.example/a.jpg",
        "https://x.anh.bao.example/a.jpg",
        "https://anh.bao.example.khac.example/",
        "https://anh.bao.example@khac.example/",
        "https://anh.bao.example:8443/",
        "https://anh.bao.example:99999/",
        "https://cdn.example/",
        "https://xcdn.example/",
        "https://cong.example/",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
    ],
)
def test_no_other_pictures(url):
    assert Pictures(HOSTS).of(article(url)) is None
    assert not Pictures(HOSTS).any([article(url)])


def test_sources_name_hosts_by_https():
    assert Pictures(("anh.example", "*.cdn.example:8443")).sources() == [
        "https://anh.example",
        "https://*.cdn.example:8443",
    ]


@pytest.mark.parametrize(
    "host",
    ["", "*", "*.", "https://a.example", "a.example/", "a b", "a;b", "'self'", "a.*.example", "-a", "a\n"],
)
def test_a_setting_that_is_no_host_is_refused(host):
    with pytest.raises(ValidationError, match="picture_hosts"):
        Settings(picture_hosts=(host,))


def test_a_setting_from_the_environment(monkeypatch):
    monkeypatch.setenv("LIENQUAN_PICTURE_HOSTS", '["Anh.Example", "*.cdn.example"]')
    assert Settings().picture_hosts == ("anh.example", "*.cdn.example")


@pytest.mark.parametrize(
    "url", ["bao.example", "ftp://bao.example", "https://", "https://a b", "https://a/?x=1", "https://a/kho/"]
)
def test_a_public_url_is_a_web_address(url):
    with pytest.raises(ValidationError, match="public_url"):
        Settings(public_url=url)
