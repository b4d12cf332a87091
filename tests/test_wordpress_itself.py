"""The plugin in WordPress itself, where there is one: in the directory that WORDPRESS names, else Debian's.

The other tests run it over stubs (`wordpress_stubs.php`); this one shows that WordPress calls it as they do.
`apt-get download wordpress && dpkg -x wordpress_*.deb wp && WORDPRESS=wp/usr/share/wordpress pytest …`, with php-mysql.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from service.security.keys import KeyStore
from tests import databases
from tests.conftest import wait_for
from tests.interpreters import interpreter
from tests.service.test_serve import Service
from tests.test_wordpress_plugin import PLUGIN, listed

SOURCE = Path(os.environ.get("WORDPRESS", "/usr/share/wordpress"))
START = "wp-songque.example-bao-"
CONFIGURATION = """<?php
define('DB_NAME', 'news'); define('DB_USER', 'root'); define('DB_PASSWORD', ''); define('DB_CHARSET', 'utf8mb4');
define('DB_HOST', 'localhost:%s'); define('DISABLE_WP_CRON', true); define('AUTOMATIC_UPDATER_DISABLED', true);
define('WP_HTTP_BLOCK_EXTERNAL', true); define('WP_ACCESSIBLE_HOSTS', '127.0.0.1'); define('WP_DEBUG_DISPLAY', false);
define('WP_DEBUG', true); define('WP_DEBUG_LOG', __DIR__ . '/debug.log');
define('WP_CONTENT_DIR', __DIR__ . '/wp-content');
$table_prefix = 'wp_';
defined('ABSPATH') || define('ABSPATH', __DIR__ . '/');
require_once ABSPATH . 'wp-settings.php';
"""
THEME = "<body><?php while (have_posts()) { the_post(); the_content(); } ?></body>"
INSTALL = """
require ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_wp_mail', '__return_false');
wp_install('Sông Quê', 'mai', 'mai@songque.example', true, '', 'mat-khau');
$options = ['home' => 'https://www.songque.example/bao', 'template' => 'bare', 'stylesheet' => 'bare'];
$options['active_plugins'] = ['lienquan/lienquan.php'];
foreach ($options as $name => $value) { update_option($name, $value); }
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    if not (SOURCE / "wp-load.php").exists():
        pytest.skip(f"no WordPress in {SOURCE}")
    if "mysqli" not in subprocess.run([interpreter("php"), "-m"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("php-mysql is not installed")
    running = Service(tmp_path_factory.mktemp("serve"), workers=1, min_related=0)
    running.index([{"id": "cu", "title": "Chợ bến Trà", "body": "Bến đò họp chợ.", "url": "https://bao.example/cu"}])
    wait_for(lambda: running.get("/readyz")[0] == 200, 60)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture(scope="module")
def wordpress(service, tmp_path_factory):
    """A site with the plugin switched on; a function that runs PHP in it, a request at a time."""
    php, folder = interpreter("php"), tmp_path_factory.mktemp("wordpress")
    site = folder / "site"
    shutil.copytree(SOURCE, site, ignore_dangling_symlinks=True)
    for path, content in {"plugins/lienquan/lienquan.php": PLUGIN.read_text(), "themes/bare/index.php": THEME}.items():
        (site / "wp-content" / path).parent.mkdir(parents=True)
        (site / "wp-content" / path).write_text(content)
    (site / "wp-content" / "themes" / "bare" / "style.css").write_text("/* Theme Name: bare */")

    def run(code, before=""):
        request = "$_SERVER['HTTP_HOST'] = 'songque.example'; $_SERVER['REQUEST_URI'] = '/';"
        whole = f"{request} {before} require '{site}/wp-load.php'; {code}"
        done = subprocess.run(
            [php, "-d", "display_errors=stderr", "-r", whole], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        with TemporaryDirectory() as data, databases.mariadb(Path(data)):  # pytest's own is closed to MariaDB's user
            (site / "wp-config.php").write_text(CONFIGURATION % (Path(data) / "s"))
            run(INSTALL, "define('WP_INSTALLING', true);")
            _, key = KeyStore(service.home).create("WordPress", ["ingest"])
            settings = f"['server' => 'http://127.0.0.1:{service.port}/', 'key' => '{key}', 'place' => 'after']"
            run(f"do_action('admin_init'); update_option('lienquan', {settings});")
            yield run
            log = site / "debug.log"
            assert not log.exists() or "lienquan" not in log.read_text()
    except databases.NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def rest(wordpress):
    """Return a function that asks WordPress's REST API as the editor does; it gives the number of the post."""

    def ask(method, path, **fields):
        given = base64.b64encode(json.dumps(fields).encode()).decode()
        said = wordpress(
            f"wp_set_current_user(1); $request = new WP_REST_Request('{method}', '/wp/v2/{path}');"
            f"$given = json_decode(base64_decode('{given}'), true);"
            "foreach ($given as $name => $value) { $request->set_param($name, $value); }"
            "$answer = rest_do_request($request);"
            "echo json_encode([$answer->get_status(), $answer->get_data()['id'] ?? 0]);"
        )
        status, number = json.loads(said)
        assert status in {200, 201}, said
        return number

    return ask


@pytest.fixture
def held(service):
    def find(number):
        status, line = service.get(f"/api/v1/articles/{START}{number}")
        return line if status == 200 else None

    return find


def test_what_an_editor_does_is_followed(rest, held, wordpress):
    section = rest("POST", "categories", name="Bến đò & chợ")
    content = '<!-- wp:paragraph --><p>Bến đò Trà họp chợ.</p><!-- /wp:paragraph -->\n[gallery ids="1"]'
    number = rest("POST", "posts", title="Bến “Trà” & đò", content=content, status="publish", categories=[section])
    wait_for(lambda: held(number), 30)
    line = held(number)
    assert (line["title"], line["section"], line["author"]) == ("Bến “Trà” & đò", "Bến đò & chợ", "mai")
    assert line["body_html"].strip() == "<p>Bến đò Trà họp chợ.</p>"
    rest("POST", f"posts/{number}/autosaves", title="Bản nháp")
    rest("POST", f"posts/{number}", title="Sửa rồi")
    wait_for(lambda: held(number)["title"] == "Sửa rồi", 30)
    for change, back in (({"status": "draft"}, {"status": "publish"}), ({"password": "x"}, {"password": ""})):
        rest("POST", f"posts/{number}", **change)
        assert held(number) is None
        rest("POST", f"posts/{number}", **back)
        wait_for(lambda: held(number), 30)
    wordpress(f"wp_trash_post({number});")
    assert held(number) is None
    wordpress(f"wp_untrash_post({number}); wp_publish_post({number});")
    wait_for(lambda: held(number), 30)
    wordpress(f"wp_delete_post({number}, true);")
    assert held(number) is None
    assert json.loads(wordpress("echo json_encode(Lienquan\\waiting());")) == []


def test_a_scheduled_post(rest, held, wordpress):
    number = rest(
        "POST", "posts", title="Hẹn giờ", content="<p>Chợ phiên.</p>", status="future", date_gmt="2099-01-01T00:00:00"
    )
    assert wordpress(f"echo get_post_status({number});") == "future"
    assert held(number) is None
    wordpress(
        "global $wpdb; $now = gmdate('Y-m-d H:i:s');"
        f"$wpdb->update($wpdb->posts, ['post_date' => $now, 'post_date_gmt' => $now], ['ID' => {number}]);"
        f"clean_post_cache({number}); check_and_publish_future_post({number});"
    )
    wait_for(lambda: held(number), 30)


def test_the_page_of_a_post(rest, held, wordpress, service):
    number = rest("POST", "posts", title="Bến đò Trà", content="<p>Bến đò Trà họp chợ.</p>", status="publish")
    wait_for(lambda: held(number), 30)
    page = wordpress(f"wp('p={number}'); require get_template_directory() . '/index.php';")
    body = page.partition("<body>")[2].partition("</body>")[0]
    assert body.startswith("<p>Bến đò Trà họp chợ.</p>")
    assert ("Chợ bến Trà", "https://bao.example/cu", None) in listed(body)


def test_settings_and_the_end(wordpress):
    shown = (
        "require ABSPATH . 'wp-admin/includes/admin.php'; set_current_screen('options-general'); Lienquan\\show_page();"
    )
    page = wordpress(f"wp_set_current_user(1); {shown}")
    assert "_wpnonce" in page
    assert 'name="lienquan[server]"' in page
    assert wordpress(shown) == ""
    query = "SELECT option_name FROM wp_options WHERE option_name LIKE '%lienquan%'"
    kept = f'global $wpdb; echo json_encode($wpdb->get_col("{query}"));'
    assert len(json.loads(wordpress(kept))) > 1
    wordpress("Lienquan\\uninstall();")
    assert json.loads(wordpress(kept)) == []
