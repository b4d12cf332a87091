<?php
/**
 * As much of WordPress as the plugin calls: posts, options and events in one JSON file, hooks in the order of WordPress.
 *
 * A process is a request: `run` takes steps as JSON on standard input, then ends as WordPress does, with `shutdown`.
 */

declare(strict_types=1);

namespace {
    define('ABSPATH', __DIR__ . '/');
    define('DAY_IN_SECONDS', 86_400);

    final class Site
    {
        public static string $file;
        public static array $state;
        public static array $hooks = [];
        public static array $running = [];
        public static array $shortcodes = [];
        public static array $blocks = [];
        public static array $scripts = [];
        public static array $setting = [];
        public static array $pages = [];
        public static array $errors = [];
        public static array $asked = [];
        public static bool $singular = false;
        public static bool $administers = true;
        public static ?string $uninstall = null;

        public static function now(): int
        {
            return \time() + (self::$state['later'] ?? 0);
        }

        public static function stamp(): string
        {
            return gmdate('Y-m-d H:i:s', self::now());
        }

        public static function save(): void
        {
            file_put_contents(self::$file, json_encode(self::$state, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE));
        }
    }

    final class WP_Error
    {
        public function __construct(public string $message)
        {
        }
    }

    // Hooks

    function add_filter(string $hook, callable|string $what, int $priority = 10, int $count = 1): bool
    {
        Site::$hooks[$hook][$priority][] = [$what, $count];
        return true;
    }

    function add_action(string $hook, callable|string $what, int $priority = 10, int $count = 1): bool
    {
        return add_filter($hook, $what, $priority, $count);
    }

    function apply_filters(string $hook, mixed $value, mixed ...$more): mixed
    {
        Site::$running[] = $hook;
        $found = Site::$hooks[$hook] ?? [];
        ksort($found);
        foreach (array_merge(...$found) as [$what, $count]) {
            $value = $what(...array_slice([$value, ...$more], 0, $count));
        }
        array_pop(Site::$running);
        return $value;
    }

    function do_action(string $hook, mixed ...$given): void
    {
        $found = Site::$hooks[$hook] ?? [];
        ksort($found);
        foreach (array_merge(...$found) as [$what, $count]) {
            $what(...array_slice($given, 0, $count));
        }
    }

    function doing_filter(string $hook): bool
    {
        return in_array($hook, Site::$running, true);
    }

    function register_deactivation_hook(string $file, callable|string $what): void
    {
    }

    function register_uninstall_hook(string $file, string $what): void
    {
        Site::$uninstall = $what;
    }

    // Options, transients, events, the database

    function get_option(string $name, mixed $else = false): mixed
    {
        return Site::$state['options'][$name] ?? $else;
    }

    function update_option(string $name, mixed $value, ?bool $autoload = null): bool
    {
        Site::$state['options'][$name] = $value;
        return true;
    }

    function delete_option(string $name): bool
    {
        unset(Site::$state['options'][$name]);
        return true;
    }

    function get_transient(string $name): mixed
    {
        return Site::now() < get_option("_transient_timeout_$name", 0) ? get_option("_transient_$name") : false;
    }

    function set_transient(string $name, mixed $value, int $seconds): bool
    {
        update_option("_transient_timeout_$name", Site::now() + $seconds);
        return update_option("_transient_$name", $value);
    }

    function delete_transient(string $name): bool
    {
        delete_option("_transient_timeout_$name");
        return delete_option("_transient_$name");
    }

    function wp_next_scheduled(string $hook): int|false
    {
        return Site::$state['events'][$hook] ?? false;
    }

    function wp_schedule_single_event(int $when, string $hook): bool
    {
        Site::$state['events'][$hook] = $when;
        return true;
    }

    function wp_clear_scheduled_hook(string $hook): int
    {
        unset(Site::$state['events'][$hook]);
        return 1;
    }

    final class Database
    {
        public string $options = 'wp_options';

        public function esc_like(string $text): string
        {
            return addcslashes($text, '_%\\');
        }

        public function prepare(string $query, string ...$values): string
        {
            return vsprintf(str_replace('%s', "'%s'", $query), array_map('addslashes', $values));
        }

        private function named(string $query): array
        {
            preg_match("/LIKE '(.*)%'/", $query, $found);
            $start = stripslashes(stripslashes($found[1]));
            $names = array_map('strval', array_keys(Site::$state['options']));
            return array_values(array_filter($names, fn (string $name): bool => str_starts_with($name, $start)));
        }

        public function get_col(string $query): array
        {
            return $this->named($query);
        }

        public function query(string $query): int
        {
            array_map('delete_option', $this->named($query));
            return 1;
        }
    }

    // Texts

    function __(string $text, string $domain = ''): string
    {
        return $text;
    }

    function _n(string $one, string $many, int $count, string $domain = ''): string
    {
        return $count === 1 ? $one : $many;
    }

    function esc_html(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES, 'UTF-8', false);
    }

    function esc_attr(string $text): string
    {
        return esc_html($text);
    }

    function esc_html__(string $text, string $domain = ''): string
    {
        return esc_html($text);
    }

    function esc_url_raw(string $url, ?array $protocols = null): string
    {
        $url = preg_replace("|[^a-z0-9-~+_.?#=!&;,/:%@$\\|*'()\\[\\]\\x80-\\xff]|i", '', $url);
        $scheme = strtolower((string) parse_url($url, PHP_URL_SCHEME));
        return in_array($scheme, $protocols ?? ['http', 'https'], true) ? $url : '';
    }

    function esc_url(string $url, ?array $protocols = null): string
    {
        return str_replace(['&', "'"], ['&#038;', '&#039;'], esc_url_raw($url, $protocols));
    }

    function untrailingslashit(string $text): string
    {
        return rtrim($text, '/\\');
    }

    function sanitize_text_field(string $text): string
    {
        return trim(wp_strip_all_tags($text));
    }

    function wp_strip_all_tags(string $text): string
    {
        return trim(strip_tags(preg_replace('@<(script|style)[^>]*?>.*?</\\1>@si', '', $text)));
    }

    function wp_json_encode(mixed $value, int $flags = 0): string|false
    {
        return json_encode($value, $flags);
    }

    function wp_parse_url(string $url): array|false
    {
        return parse_url($url);
    }

    // Pages of the administration

    function register_setting(string $group, string $name, array $how): void
    {
        Site::$setting[$name] = $how;
    }

    function add_settings_error(string $setting, string $code, string $message): void
    {
        Site::$errors[] = $message;
    }

    function add_options_page(string $title, string $menu, string $needs, string $slug, string $show): void
    {
        Site::$pages[$slug] = ['needs' => $needs, 'show' => $show];
    }

    function current_user_can(string $what): bool
    {
        return Site::$administers && $what === 'manage_options';
    }

    function settings_fields(string $group): void
    {
        echo "<input type='hidden' name='option_page' value='$group'><input type='hidden' name='_wpnonce' value='n'>";
    }

    function submit_button(): void
    {
        echo '<button>Save</button>';
    }

    function checked(mixed $one, mixed $other, bool $echo = true): string
    {
        return $one === $other ? "checked='checked'" : '';
    }

    // The web

    function wp_remote_request(string $url, array $how): array|WP_Error
    {
        Site::$asked[] = [$how['method'] ?? 'GET', preg_replace('~^https?://[^/]*~', '', $url)];
        $lines = [];
        foreach ($how['headers'] ?? [] as $name => $value) {
            $lines[] = "$name: $value";
        }
        $http = ['method' => $how['method'] ?? 'GET', 'header' => $lines, 'content' => $how['body'] ?? '', 'timeout' => $how['timeout']];
        $more = ['ignore_errors' => true, 'follow_location' => $how['redirection'], 'protocol_version' => 1.0];
        $body = @file_get_contents($url, false, stream_context_create(['http' => $http + $more]), 0, $how['limit_response_size']);
        if ($body === false || !isset($http_response_header)) {
            return new WP_Error('no answer');
        }
        return ['code' => (int) explode(' ', $http_response_header[0])[1], 'body' => $body];
    }

    function wp_remote_get(string $url, array $how): array|WP_Error
    {
        return wp_remote_request($url, $how);
    }

    function is_wp_error(mixed $what): bool
    {
        return $what instanceof WP_Error;
    }

    function wp_remote_retrieve_response_code(array $answer): int
    {
        return $answer['code'];
    }

    function wp_remote_retrieve_body(array $answer): string
    {
        return $answer['body'];
    }

    // Posts

    function get_post(mixed $id = null): ?object
    {
        $id ??= get_the_ID();
        $found = is_object($id) ? $id->ID : $id;
        return isset(Site::$state['posts'][$found]) ? (object) Site::$state['posts'][$found] : null;
    }

    function get_the_ID(): int|false
    {
        return isset($GLOBALS['post']) ? $GLOBALS['post']->ID : false;
    }

    function clean_post_cache(int $id): void
    {
    }

    function setup_postdata(object $post): bool
    {
        return true;
    }

    function wp_reset_postdata(): void
    {
    }

    function get_the_title(object $post): string
    {
        return $post->post_title;
    }

    function get_permalink(object $post): string
    {
        return get_option('home') . "/{$post->ID}/";
    }

    function get_the_author_meta(string $field, int $id): string
    {
        return Site::$state['users'][$id][$field] ?? '';
    }

    function get_the_post_thumbnail_url(object $post, string $size): string|false
    {
        return Site::$state['pictures'][$post->ID] ?? false;
    }

    function get_the_terms(int $id, string $taxonomy): array|false
    {
        $found = Site::$state['terms'][$id][$taxonomy] ?? [];
        return $found ? array_map(fn (array $term): object => (object) $term, $found) : false;
    }

    function wp_transition_post_status(string $new, string $old, object $post): void
    {
        do_action('transition_post_status', $new, $old, $post);
    }

    /** What the editor saves: the post first, terms and picture afterwards, as the REST API does it. */
    function wp_insert_post(array $given): int
    {
        $id = $given['ID'] ?? max([0, ...array_keys(Site::$state['posts'])]) + 1;
        $old = Site::$state['posts'][$id]['post_status'] ?? 'new';
        $known = ['post_title' => '', 'post_content' => '', 'post_excerpt' => '', 'post_password' => '', 'post_author' => 2];
        $known += ['post_type' => 'post', 'post_date_gmt' => Site::stamp(), 'post_status' => 'draft'];
        $fields = array_intersect_key($given, $known);
        Site::$state['posts'][$id] = array_merge($known, Site::$state['posts'][$id] ?? [], $fields, ['ID' => $id, 'post_modified_gmt' => Site::stamp()]);
        $post = &Site::$state['posts'][$id];
        if ($post['post_status'] === 'publish' && $post['post_date_gmt'] > Site::stamp()) {
            $post['post_status'] = 'future';
        }
        wp_transition_post_status($post['post_status'], $old, get_post($id));
        do_action('save_post', $id, get_post($id), $old !== 'new');
        Site::$state['terms'][$id] = $given['terms'] ?? Site::$state['terms'][$id] ?? [];
        if (isset($given['picture'])) {
            Site::$state['pictures'][$id] = $given['picture'];
        }
        if ($old === 'publish' && $post['post_type'] === 'post') { // a revision is kept of each change
            wp_insert_post(['post_type' => 'revision', 'post_status' => 'inherit', 'post_title' => $post['post_title']]);
        }
        do_action('wp_after_insert_post', $id, get_post($id), $old !== 'new', null);
        return $id;
    }

    function wp_trash_post(int $id): void
    {
        wp_insert_post(['ID' => $id, 'post_status' => 'trash']);
    }

    /** As wp-cron does when the time of a scheduled post has come: it is not modified by it. */
    function wp_publish_post(int $id): void
    {
        $old = Site::$state['posts'][$id]['post_status'];
        Site::$state['posts'][$id]['post_status'] = 'publish';
        wp_transition_post_status('publish', $old, get_post($id));
        do_action('save_post', $id, get_post($id), true);
    }

    function wp_delete_post(int $id): void
    {
        $post = get_post($id);
        do_action('before_delete_post', $id, $post);
        unset(Site::$state['posts'][$id], Site::$state['terms'][$id], Site::$state['pictures'][$id]);
        do_action('deleted_post', $id, $post);
    }

    // Pages for readers

    function add_shortcode(string $name, callable|string $what): void
    {
        Site::$shortcodes[$name] = $what;
    }

    function has_shortcode(string $content, string $name): bool
    {
        return preg_match("/\\[$name\\b/", $content) === 1;
    }

    function do_shortcode(string $content): string
    {
        return preg_replace_callback('/\[(\w+)((?:\s[^\]]*)?)\]/', function (array $found): string {
            if (!isset(Site::$shortcodes[$found[1]])) {
                return $found[0];
            }
            preg_match_all('/(\w+)="?([^"\s]*)/', $found[2], $pairs, PREG_SET_ORDER);
            $given = array_column($pairs, 2, 1);
            return (Site::$shortcodes[$found[1]])($given ?: '');
        }, $content);
    }

    function has_block(string $name, object $post): bool
    {
        return str_contains($post->post_content, "<!-- wp:$name");
    }

    function do_blocks(string $content): string
    {
        return preg_replace_callback('/<!-- wp:(\w+\/\w+)( \{.*?\})? \/-->/', function (array $found): string {
            $given = json_decode($found[2] ?? '', true) ?? [];
            return isset(Site::$blocks[$found[1]]) ? (Site::$blocks[$found[1]]['render_callback'])($given) : '';
        }, $content);
    }

    function register_block_type(string $name, array $how): void
    {
        Site::$blocks[$name] = $how;
    }

    function wp_register_script(string $name, string $source, array $needs, string $version, bool $footer): void
    {
        Site::$scripts[$name] = '';
    }

    function wp_add_inline_script(string $name, string $script): void
    {
        Site::$scripts[$name] .= $script;
    }

    function is_singular(array $types): bool
    {
        return Site::$singular;
    }

    function in_the_loop(): bool
    {
        return Site::$singular;
    }

    function is_main_query(): bool
    {
        return Site::$singular;
    }

    /** Return what a reader of a post's own page sees of it. */
    function page_of(int $id): string
    {
        $GLOBALS['post'] = get_post($id);
        Site::$singular = true;
        $made = apply_filters('the_content', $GLOBALS['post']->post_content);
        Site::$singular = false;
        $GLOBALS['post'] = null;
        return $made;
    }

    function excerpt_of(int $id): string
    {
        add_filter('get_the_excerpt', fn (string $none): string => page_of($id));
        return apply_filters('get_the_excerpt', '');
    }

    function settings_page(bool $administers = true): string
    {
        Site::$administers = $administers;
        do_action('admin_menu');
        ob_start();
        (Site::$pages['lienquan']['show'])();
        return ob_get_clean();
    }

    /** As options.php does with what was sent, once it has checked the nonce. */
    function save_settings(mixed $given): mixed
    {
        do_action('admin_init');
        update_option('lienquan', (Site::$setting['lienquan']['sanitize_callback'])($given));
        return [get_option('lienquan'), Site::$errors];
    }

    function later(int $seconds): void
    {
        Site::$state['later'] = (Site::$state['later'] ?? 0) + $seconds;
    }

    function wp_cron(): void
    {
        foreach (Site::$state['events'] as $hook => $when) {
            if ($when <= Site::now()) {
                unset(Site::$state['events'][$hook]);
                do_action($hook);
            }
        }
    }

    /** A plugin that fails over a post. */
    function failing_filter(string $content): string
    {
        throw new RuntimeException('hỏng');
    }

    /** A plugin that prints while it filters. */
    function printing_filter(string $content): string
    {
        echo 'quảng cáo';
        return $content;
    }

    function uninstall_plugin(): void
    {
        (Site::$uninstall)();
    }

    function state(): array
    {
        return Site::$state;
    }

    function asked(): array
    {
        return Site::$asked;
    }

    function block_script(): string
    {
        return Site::$scripts['lienquan-block'];
    }

    add_filter('the_content', 'do_blocks', 9);
    add_filter('the_content', 'do_shortcode', 11);
    $wpdb = new Database();
}

namespace Lienquan {
    function time(): int
    {
        return \Site::now();
    }
}

namespace {
    $given = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
    Site::$file = $given['file'];
    $empty = ['options' => [], 'posts' => [], 'terms' => [], 'pictures' => [], 'users' => [], 'events' => []];
    Site::$state = is_file(Site::$file) ? json_decode(file_get_contents(Site::$file), true) : $empty;
    require $given['plugin'];
    do_action('init');
    $made = [];
    foreach ($given['steps'] as $step) {
        $made[] = array_shift($step)(...$step);
    }
    do_action('shutdown');
    Site::save();
    echo json_encode([$made, Site::$asked], JSON_THROW_ON_ERROR);
}
