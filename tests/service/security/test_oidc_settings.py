"""The settings of signing in through a provider: what each must be, what they must be together, the secret's file."""

import pytest
from pydantic import ValidationError

from service import settings
from service.security import oidc_settings
from service.settings import Settings, SettingsError
from service.upkeep import settings_text

WHOLE = {
    "oidc_issuer": "https://dang-nhap.bao.example",
    "oidc_client_id": "lienquan",
    "oidc_client_secret": "tuyetmat",
    "oidc_editors": ["bien-tap"],
    "public_url": "https://tim.bao.example",
}


def test_as_they_must_be():
    made = Settings(**WHOLE)
    assert (made.oidc_scopes, made.oidc_claim, made.oidc_acr) == (("openid", "profile", "email"), "groups", ())
    assert settings.oidc_secret(made) == "tuyetmat"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"oidc_client_id": None}, "expected oidc_client_id beside it"),
        ({"public_url": None}, "expected public_url beside it"),
        ({"public_url": "http://tim.bao.example"}, "public_url: expected https"),
        ({"oidc_client_secret": None}, "oidc_client_secret_file beside it"),
        ({"oidc_client_secret_file": "/x"}, "either oidc_client_secret or"),
        ({"oidc_editors": []}, "nobody could sign in"),
        ({"oidc_scopes": ["profile"]}, "expected openid among them"),
        ({"oidc_claim": "email"}, "expected another claim"),
        ({"oidc_issuer": None}, "oidc_client_id, oidc_editors: expected oidc_issuer beside it"),
        *(
            ({"oidc_issuer": issuer}, "expected https://HOST")
            for issuer in (
                *("http://dang-nhap.bao.example", "ftp://127.0.0.1", "dang-nhap.bao.example", "https://", ""),
                *(
                    "https://a.example?x=1",
                    "https://a.example#x",
                    "https://u:p@a.example",
                    "https://[x",
                    "https://a.example?",
                ),
            )
        ),
        ({"oidc_scopes": ["openid profile"]}, "oidc_scopes"),
        ({"oidc_scopes": ['"']}, "oidc_scopes"),
        ({"oidc_name": ""}, "oidc_name"),
        ({"oidc_client_secret": ""}, "oidc_client_secret"),
        ({"oidc_editors": [""]}, "oidc_editors"),
    ],
)
def test_as_they_must_not_be(changed, told):
    with pytest.raises(ValidationError, match=told) as caught:
        Settings(**WHOLE | changed)
    assert "tuyetmat" not in settings._fault(caught.value.errors()[0])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_on_this_machine_http_will_do(host):
    assert Settings(**WHOLE | {"oidc_issuer": f"http://{host}:9000", "public_url": f"http://{host}:8000"})


def test_the_secret_is_shown_nowhere(monkeypatch):
    made = Settings(**WHOLE)
    assert "tuyetmat" not in repr(made) + str(made.model_dump()) + made.model_dump_json()
    shown = {one.name: one.value for one in settings_text.current(made)}
    assert shown["oidc_client_secret"] == settings.HIDDEN
    monkeypatch.setenv("LIENQUAN_OIDC_ISSUER", "http://x.example")
    monkeypatch.setenv("LIENQUAN_OIDC_CLIENT_SECRET", "tuyetmat")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert "tuyetmat" not in str(caught.value)


class TestFile:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "secret"
        path.write_text(" tuyệt mật\n")
        path.chmod(0o600)
        return path

    @pytest.mark.parametrize("mode", [0o600, 0o400, 0o440])
    def test_it_is_read(self, file, mode):
        file.chmod(mode)
        made = Settings(**WHOLE | {"oidc_client_secret": None, "oidc_client_secret_file": file})
        assert settings.oidc_secret(made) == "tuyệt mật"

    @pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o601, 0o602])
    def test_others_may_not(self, file, mode):
        file.chmod(mode)
        with pytest.raises(ValueError, match="expected 0600"):
            oidc_settings.read_secret(file)

    @pytest.mark.parametrize("content", [b"", b" \n", b"x" * 5000, b"\xff"])
    def test_what_is_no_secret(self, file, content):
        file.write_bytes(content)
        with pytest.raises(ValueError, match="secret: "):
            oidc_settings.read_secret(file)

    def test_none(self, tmp_path):
        made = Settings(**WHOLE | {"oidc_client_secret": None, "oidc_client_secret_file": tmp_path / "none"})
        with pytest.raises(SettingsError, match=r"oidc_client_secret_file: .*No such file"):
            settings.oidc_secret(made)
