<?php
/**
 * Plugin Name:       Liên Quan
 * Description:       Related articles under every post, found by meaning: a block, a shortcode, or by itself. Posts are handed to your own Lienquan service as they are published, changed and withdrawn.
 * Version:           0.1.0
 * Requires at least: 5.6
 * Requires PHP:      8.1
 * License:           MIT
 * Text Domain:       lienquan
 */

declare(strict_types=1);

namespace Lienquan;

defined('ABSPATH') || exit;

const OPTION = 'lienquan';
const TODO = 'lienquan_todo_';        // one option a post that the service has not been told of
const WRITTEN = 'lienquan_written';   // counts what the service took, so that lists are asked for again
const RESTING = 'lienquan_resting_';  // transients: the service gave no list, took no posts, and is left alone
const RETRY = 'lienquan_retry';       // the event of wp-cron

const READ_SECONDS = 1;
const WRITE_SECONDS = 3;
const REST_SECONDS = 60;
const FRESH_SECONDS = 120;
const PORTION = 50;
const AT_ONCE = 1000;
const UNCATEGORISED = ['uncategorized', 'chua-phan-loai', 'khong-phan-loai', 'khac'];

add_action('init', __NAMESPACE__ . '\\register');
add_filter('the_content', __NAMESPACE__ . '\\place', 20);
add_action('transition_post_status', __NAMESPACE__ . '\\status_changed', 10, 3);
add_action('before_delete_post', __NAMESPACE__ . '\\deleted', 10, 2);
add_action('shutdown', __NAMESPACE__ . '\\shutdown');
add_action(RETRY, __NAMESPACE__ . '\\push');
add_action('admin_menu', __NAMESPACE__ . '\\add_page');
add_action('admin_init', __NAMESPACE__ . '\\add_settings');
register_deactivation_hook(__FILE__, __NAMESPACE__ . '\\deactivate');
register_uninstall_hook(__FILE__, __NAMESPACE__ . '\\uninstall');

// Settings

/** @return array{server: string, key: string, limit: int, place: string, heading: string} */
function settings(): array
{
    $given = get_option(OPTION, []);
    $known = ['server' => '', 'key' => '', 'limit' => 6, 'place' => 'after', 'heading' => 'Bài liên quan'];
    $found = array_merge($known, array_intersect_key(is_array($given) ? $given : [], $known));
    if (defined('LIENQUAN_KEY')) {
        $found['key'] = (string) constant('LIENQUAN_KEY');
    }
    return $found;
}

/** Return settings as they may be stored; what is no setting is left as it was. */
function sanitize(mixed $given): array
{
    $old = settings();
    $given = is_array($given) ? $given : [];
    $server = untrailingslashit(esc_url_raw(trim((string) ($given['server'] ?? '')), ['http', 'https']));
    $key = trim((string) ($given['key'] ?? ''));
    if ($key !== '' && !preg_match('/^lq_[\w-]+$/D', $key)) {
        add_settings_error(OPTION, 'key', __('The key was not taken: keys begin with lq_.', 'lienquan'));
        $key = '';
    }
    wake();
    return [
        'server' => $server,
        'key' => $key === '' ? $old['key'] : $key,
        'limit' => min(max((int) ($given['limit'] ?? $old['limit']), 1), 20),
        'place' => ($given['place'] ?? '') === 'after' ? 'after' : 'none',
        'heading' => sanitize_text_field((string) ($given['heading'] ?? $old['heading'])),
    ];
}

function add_settings(): void
{
    register_setting(OPTION, OPTION, ['type' => 'array', 'sanitize_callback' => __NAMESPACE__ . '\\sanitize']);
}

function add_page(): void
{
    $title = __('Related articles', 'lienquan');
    add_options_page($title, $title, 'manage_options', 'lienquan', __NAMESPACE__ . '\\show_page');
}

function show_page(): void
{
    if (!current_user_can('manage_options')) {
        return;
    }
    $now = settings();
    $waiting = count(waiting());
    $text = '<input class="regular-text" id="lienquan-%1$s" name="lienquan[%1$s]" type="%2$s" value="%3$s" %4$s>';
    $rows = [
        'server' => [__('Address of the service', 'lienquan'), sprintf($text, 'server', 'url', esc_attr($now['server']), 'placeholder="http://127.0.0.1:8000"')],
        'key' => [__('Key of scope ingest', 'lienquan'), sprintf($text, 'key', 'password', '', 'autocomplete="off" placeholder="' . esc_attr($now['key'] === '' ? '' : __('is set; leave empty to keep it', 'lienquan')) . '"')],
        'limit' => [__('Articles in a list', 'lienquan'), sprintf($text, 'limit', 'number', esc_attr((string) $now['limit']), 'min="1" max="20"')],
        'heading' => [__('Heading', 'lienquan'), sprintf($text, 'heading', 'text', esc_attr($now['heading']), '')],
        'place' => [__('Under every post', 'lienquan'), '<input id="lienquan-place" name="lienquan[place]" type="checkbox" value="after" ' . checked($now['place'], 'after', false) . '>'],
    ];
    echo '<div class="wrap"><h1>' . esc_html__('Related articles', 'lienquan') . '</h1><form action="options.php" method="post">';
    settings_fields(OPTION); // with the nonce, which options.php checks together with the capability
    echo '<table class="form-table" role="presentation">';
    foreach ($rows as $name => [$label, $field]) {
        echo '<tr><th scope="row"><label for="lienquan-' . esc_attr($name) . '">' . esc_html($label) . '</label></th><td>' . $field . '</td></tr>';
    }
    echo '</table>';
    submit_button();
    /* translators: %d: number of posts */
    echo '</form><p>' . esc_html(sprintf(_n('%d post waits to be handed over.', '%d posts wait to be handed over.', $waiting, 'lienquan'), $waiting));
    if (get_transient(RESTING . 'push')) {
        echo ' ' . esc_html__('The service does not take them; it is tried again within a minute.', 'lienquan');
    }
    echo '</p></div>';
}

// What the service is told

/** @return list<string> */
function types(): array
{
    return (array) apply_filters('lienquan_post_types', ['post']);
}

/** Note a post that was published, changed or withdrawn; its terms and picture may be set later in this request. */
function status_changed(string $new, string $old, object $post): void
{
    if ($new === 'publish' || $old === 'publish') {
        note((int) $post->ID, $post);
    }
}

function deleted(int $id, ?object $post = null): void
{
    note($id, $post ?? get_post($id));
}

/** Note it where it outlasts this process, before anything is tried. */
function note(int $id, ?object $post): void
{
    if ($post === null || !in_array($post->post_type, types(), true) || settings()['key'] === '') {
        return; // revisions and autosaves are posts of another type
    }
    update_option(TODO . $id, (string) microtime(true), false);
    noted($id);
}

/** @return list<int> What was noted in this request. */
function noted(?int $id = null): array
{
    static $ids = [];
    if ($id !== null) {
        $ids[$id] = $id;
    }
    return array_values($ids);
}

function shutdown(): void
{
    if (noted()) {
        push();
    }
}

/** @return list<int> The posts that the service has not been told of, some of them at least. */
function waiting(): array
{
    global $wpdb;
    $like = $wpdb->esc_like(TODO) . '%';
    $names = $wpdb->get_col($wpdb->prepare("SELECT option_name FROM {$wpdb->options} WHERE option_name LIKE %s LIMIT " . AT_ONCE, $like));
    return array_map(fn (string $name): int => (int) substr($name, strlen(TODO)), $names);
}

/** Tell the service of the posts that wait, as they are now; what cannot be told waits for wp-cron. */
function push(): void
{
    $left = waiting();
    $now = settings();
    if (!$left || $now['server'] === '' || $now['key'] === '') {
        return;
    }
    foreach (array_chunk($left, PORTION) as $ids) {
        if (get_transient(RESTING . 'push') || !push_some($ids, $now)) {
            push_later();
            return;
        }
    }
    if (count($left) === AT_ONCE) {
        push_later();
    }
}

function push_later(): void
{
    if (!wp_next_scheduled(RETRY)) {
        wp_schedule_single_event(time() + REST_SECONDS, RETRY);
    }
}

/** Tell the service of some posts; return whether it answered. */
function push_some(array $ids, array $settings): bool
{
    $refused = tell($ids, $settings, true);
    // What it holds is newer by its own clock than the post says: read again, and of now.
    return $refused !== null && ($refused === [] || tell($refused, $settings, false) !== null);
}

/**
 * Send a line a post, and forget those that were taken or can never be.
 *
 * @return ?list<int> The posts of which something newer is held, null where the service did not answer.
 */
function tell(array $ids, array $settings, bool $dated): ?array
{
    $noted = [];
    $lines = [];
    foreach ($ids as $id) {
        $noted[$id] = get_option(TODO . $id);
        clean_post_cache($id);
        $article = article($id);
        if ($article !== null && !$dated) {
            unset($article['updated_at']);
        }
        $change = $article === null ? ['op' => 'delete', 'id' => article_id($id)] : ['op' => 'put', 'article' => $article];
        $lines[] = wp_json_encode($change, JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);
    }
    $headers = ['Authorization' => 'Bearer ' . $settings['key'], 'Content-Type' => 'application/x-ndjson'];
    $body = ask('POST', '/api/v1/articles:bulk', WRITE_SECONDS, ['headers' => $headers, 'body' => implode("\n", $lines)]);
    $answers = array_map(fn (string $line): mixed => json_decode($line, true), explode("\n", trim($body ?? '')));
    $told = array_filter($answers, fn (mixed $answer): bool => is_array($answer) && is_int($answer['status'] ?? null));
    if (count($told) !== count($ids) || count($answers) !== count($ids)) {
        rest('push');
        return null;
    }
    $refused = [];
    foreach ($ids as $at => $id) {
        if ($dated && $told[$at]['status'] === 200 && ($told[$at]['applied'] ?? null) === false) {
            $refused[] = $id;
            continue;
        }
        if ($told[$at]['status'] === 400) {
            error_log('lienquan: post ' . $id . ' was not taken: ' . wp_json_encode($told[$at]['errors'] ?? []));
        }
        if (get_option(TODO . $id) === $noted[$id]) { // not noted again meanwhile
            delete_option(TODO . $id);
        }
    }
    update_option(WRITTEN, (string) microtime(true), true);
    return $refused;
}

/** Leave the service alone for a while. */
function rest(string $what): void
{
    set_transient(RESTING . $what, 1, REST_SECONDS);
}

function wake(): void
{
    delete_transient(RESTING . 'list');
    delete_transient(RESTING . 'push');
}

/** Return the body of an answer with status 200, null where there is none. */
function ask(string $method, string $path, int $seconds, array $more = []): ?string
{
    $how = ['method' => $method, 'timeout' => $seconds, 'redirection' => 0, 'limit_response_size' => 4_000_000];
    $answer = wp_remote_request(settings()['server'] . $path, $how + $more);
    if (is_wp_error($answer) || wp_remote_retrieve_response_code($answer) !== 200) {
        return null;
    }
    return wp_remote_retrieve_body($answer);
}

/**
 * Return the id of a post in Lienquan: `wp-`, the site's host and path, its number.
 *
 * The same that Lienquan itself makes where it reads the site or an export of it.
 */
function article_id(int $id): string
{
    $parts = wp_parse_url(site());
    $host = preg_replace('/^www\./', '', strtolower(trim($parts['host'] ?? '', '[]')));
    $port = isset($parts['port']) ? '-' . $parts['port'] : '';
    $path = trim(preg_replace('/[^a-zA-Z0-9]+/', '-', $parts['path'] ?? ''), '-');
    return implode('-', array_filter(['wp', $host . $port, $path, (string) $id], fn (string $part): bool => $part !== ''));
}

/** Return the address of the front page as it is stored: plugins for languages filter `home_url`. */
function site(): string
{
    return untrailingslashit((string) get_option('home'));
}

function is_public(?object $post): bool
{
    return $post !== null && $post->post_status === 'publish' && $post->post_password === ''
        && in_array($post->post_type, types(), true);
}

/** Return a post as an archive line, null where it is not for everyone. */
function article(int $id): ?array
{
    $post = get_post($id);
    if (!is_public($post)) {
        return null;
    }
    $named = array_filter(terms($id, 'category'), fn (object $term): bool => !in_array($term->slug, UNCATEGORISED, true));
    $sections = array_values(array_map(__NAMESPACE__ . '\\term_name', $named));
    $tags = array_map(__NAMESPACE__ . '\\term_name', terms($id, 'post_tag'));
    $body = to_html(rendered($post));
    $lead = plain(to_html($post->post_excerpt));
    $article = [
        'id' => article_id($id),
        'title' => plain(get_the_title($post)),
        'lead' => $lead !== '' && str_starts_with(plain($body), $lead) ? '' : $lead,
        'body_html' => $body,
        'url' => (string) get_permalink($post),
        'aliases' => [site() . '/?p=' . $id],
        'section' => $sections[0] ?? '',
        'tags' => array_values(array_unique(array_merge($tags, array_slice($sections, 1)))),
        'author' => (string) get_the_author_meta('display_name', (int) $post->post_author),
        'published_at' => utc($post->post_date_gmt),
        // A scheduled post comes out without being modified.
        'updated_at' => utc(max($post->post_modified_gmt, $post->post_date_gmt)),
        'image_url' => (string) get_the_post_thumbnail_url($post, 'full'),
    ];
    return array_filter((array) apply_filters('lienquan_article', $article, $post), fn (mixed $value): bool => $value !== '' && $value !== []);
}

/** @return list<object> */
function terms(int $id, string $taxonomy): array
{
    $found = get_the_terms($id, $taxonomy);
    return is_array($found) ? array_values($found) : [];
}

function term_name(object $term): string
{
    return html_entity_decode($term->name, ENT_QUOTES | ENT_HTML5, 'UTF-8');
}

function plain(string $markup): string
{
    $text = html_entity_decode(wp_strip_all_tags($markup), ENT_QUOTES | ENT_HTML5, 'UTF-8');
    return trim(preg_replace('/\s+/u', ' ', $text) ?? $text);
}

function utc(string $moment): string
{
    return str_starts_with($moment, '0000') ? '' : str_replace(' ', 'T', $moment) . '+00:00';
}

/** Return the content of a post as the REST API gives it, as it is stored where another plugin fails over it. */
function rendered(object $post): string
{
    $GLOBALS['lienquan_quiet'] = true; // a list is no part of the text
    $before = $GLOBALS['post'] ?? null;
    $GLOBALS['post'] = $post;
    setup_postdata($post);
    ob_start(); // what other plugins print here would stand in the editor's answer
    try {
        return (string) apply_filters('the_content', $post->post_content);
    } catch (\Throwable $error) {
        error_log('lienquan: post ' . $post->ID . ' is sent as it is stored: ' . $error->getMessage());
        return $post->post_content;
    } finally {
        ob_end_clean();
        $GLOBALS['post'] = $before;
        wp_reset_postdata();
        unset($GLOBALS['lienquan_quiet']);
    }
}

// What Lienquan does with the content of posts that it reads itself (wordpress_text.py), so that both ways agree

/** Return content without comments of blocks and without shortcodes; what stands in a shortcode stays. */
function to_html(string $content): string
{
    $content = preg_replace('/<!--.*?(?:-->|\z)/s', '', $content) ?? $content; // null where PCRE gives up on a long one
    $caption = '/\[(?P<name>(?:wp_)?caption)\b(?P<attributes>[^\[\]]*)\](?P<inner>(?:(?!\[(?:wp_)?caption\b).)*?)\[\/(?P=name)\]/is';
    $content = preg_replace_callback($caption, __NAMESPACE__ . '\\captioned', $content) ?? $content;
    $content = without_shortcodes($content);
    return preg_replace('/(?:\r?\n[ \t]*){2,}/', "\n<p>\n", $content) ?? $content;
}

function captioned(array $found): string
{
    $image = '/(?:<a\b[^>]*>\s*)?<img\b[^>]*>(?:\s*<\/a>)?/i';
    $picture = preg_match($image, $found['inner'], $seen) ? $seen[0] : '';
    $line = trim(preg_replace($image, '', $found['inner']) ?? '');
    if ($line === '' && preg_match('/\bcaption\s*=\s*["\']([^"\']*)/i', $found['attributes'], $stated)) {
        $line = $stated[1];
    }
    return "<figure>$picture<figcaption>$line</figcaption></figure>";
}

function without_shortcodes(string $content): string
{
    $empty = ['audio', 'embed', 'gallery', 'googlemaps', 'more', 'playlist', 'video', 'contact-form-7'];
    $known = ['caption', 'wp_caption', ...$empty];
    $tag = '/\[(?P<escaped>\[?)(?P<close>\/?)(?P<name>[a-zA-Z][a-zA-Z0-9_-]*)(?P<attributes>(?:\s[^\[\]]*)?)(?P<own>\/?)\](?P<end>\]?)/';
    preg_match_all($tag, $content, $tags, PREG_SET_ORDER | PREG_OFFSET_CAPTURE);
    $names = array_map(fn (array $one): string => strtolower($one['name'][0]), $tags);
    $closed = [];
    foreach ($tags as $at => $one) {
        if ($one['close'][0] !== '') {
            $closed[$names[$at]] = true;
        }
    }
    [$made, $from, $skipped] = ['', 0, ''];
    foreach ($tags as $at => $one) {
        $name = $names[$at];
        if ($skipped === '') {
            $made .= substr($content, $from, $one[0][1] - $from);
        }
        $from = $one[0][1] + strlen($one[0][0]);
        $own = $one['own'][0] !== '';
        $close = $one['close'][0] !== '';
        if ($skipped !== '') {
            $skipped = $close && $name === $skipped ? '' : $skipped;
        } elseif ($one['escaped'][0] !== '' && $one['end'][0] !== '') {
            $made .= substr($one[0][0], 1, -1);
        } elseif (!(in_array($name, $known, true) || isset($closed[$name]) || $own || has_attribute($one['attributes'][0]))) {
            $made .= $one[0][0];
        } elseif (in_array($name, $empty, true) && !$close && !$own && is_closed($tags, $names, $at)) {
            $skipped = $name;
        } else {
            $made .= $one['escaped'][0] . $one['end'][0];
        }
    }
    return $skipped === '' ? $made . substr($content, $from) : $made;
}

/** Return whether the next shortcode of the same name is the end of one. */
function is_closed(array $tags, array $names, int $at): bool
{
    for ($next = $at + 1; $next < count($names); $next++) {
        if ($names[$next] === $names[$at]) {
            return $tags[$next]['close'][0] !== '';
        }
    }
    return false;
}

function has_attribute(string $text): bool
{
    return preg_match('/[\w-]+\s*=\s*(?:&(?:#8220|#8221|quot);|[\"\'”“″\w])/u', $text) === 1;
}

// What readers see

function register(): void
{
    add_shortcode('lienquan', __NAMESPACE__ . '\\shortcode');
    $needs = ['wp-blocks', 'wp-element', 'wp-server-side-render'];
    wp_register_script('lienquan-block', '', $needs, '0.1.0', true);
    $block = [
        'title' => __('Related articles', 'lienquan'),
        'icon' => 'networking',
        'category' => 'widgets',
        'attributes' => ['limit' => ['type' => 'number']],
    ];
    $script = 'wp.blocks.registerBlockType("lienquan/related", Object.assign(' . wp_json_encode($block) . ', {'
        . 'edit: (props) => wp.element.createElement(wp.serverSideRender, {block: "lienquan/related", attributes: props.attributes}),'
        . 'save: () => null}));';
    wp_add_inline_script('lienquan-block', $script);
    register_block_type('lienquan/related', [
        'attributes' => $block['attributes'],
        'editor_script' => 'lienquan-block',
        'render_callback' => __NAMESPACE__ . '\\shortcode',
    ]);
}

/** Return the list of the post at hand, for a shortcode or a block. */
function shortcode(mixed $attributes = []): string
{
    $given = is_array($attributes) ? (int) ($attributes['limit'] ?? 0) : 0;
    return block((int) get_the_ID(), $given > 0 ? min($given, 20) : settings()['limit']);
}

/** Put the list under the post that a page is of, unless it holds one. */
function place(mixed $content): string
{
    $content = (string) $content; // other plugins hand over null
    $wanted = settings()['place'] === 'after' && is_singular(types()) && in_the_loop() && is_main_query();
    if (!$wanted || isset($GLOBALS['lienquan_quiet']) || doing_filter('get_the_excerpt')) {
        return $content;
    }
    $post = get_post();
    if ($post === null || has_shortcode($post->post_content, 'lienquan') || has_block('lienquan/related', $post)) {
        return $content;
    }
    return $content . block((int) $post->ID, settings()['limit']);
}

/** Return the list of a post as HTML, nothing where there is none. */
function block(int $id, int $limit): string
{
    if (isset($GLOBALS['lienquan_quiet']) || !is_public(get_post($id))) {
        return '';
    }
    $items = '';
    foreach (hits($id, $limit) as $hit) {
        $items .= '<li><a href="' . esc_url($hit['url'], ['http', 'https']) . '">' . esc_html($hit['title']) . '</a>'
            . ($hit['section'] === '' ? '' : ' <span>' . esc_html($hit['section']) . '</span>') . '</li>';
    }
    $heading = settings()['heading'];
    return $items === '' ? '' : '<section class="lienquan" aria-label="' . esc_attr($heading) . '"><h2>' . esc_html($heading)
        . '</h2><ul>' . $items . '</ul></section>';
}

/** @return list<array{id: string, title: string, url: string, section: string}> As kept, or as the service gives them. */
function hits(int $id, int $limit): array
{
    $name = 'lienquan_list_' . md5(site() . '|' . $id . '|' . $limit);
    $kept = get_transient($name);
    $kept = is_array($kept) ? $kept : ['at' => 0, 'written' => '', 'hits' => []];
    $written = (string) get_option(WRITTEN, '');
    $fresh = $kept['written'] === $written && time() - $kept['at'] < FRESH_SECONDS;
    if (!$fresh && settings()['server'] !== '' && !get_transient(RESTING . 'list')) {
        $found = asked($id, $limit);
        if ($found === null) {
            rest('list');
        } else {
            $kept = ['at' => time(), 'written' => $written, 'hits' => $found];
            set_transient($name, $kept, DAY_IN_SECONDS); // what is kept is shown for as long as the service is down
        }
    }
    return array_values(array_filter($kept['hits'], __NAMESPACE__ . '\\still_there'));
}

/** Return a list as the service gives it, null where it gives none. */
function asked(int $id, int $limit): ?array
{
    $path = '/api/v1/articles/' . rawurlencode(article_id($id)) . '/related?limit=' . $limit;
    $answer = wp_remote_get(settings()['server'] . $path, ['timeout' => READ_SECONDS, 'redirection' => 0, 'limit_response_size' => 1_000_000]);
    $status = is_wp_error($answer) ? 0 : (int) wp_remote_retrieve_response_code($answer);
    if ($status === 404) {
        return [];
    }
    $found = $status === 200 ? json_decode(wp_remote_retrieve_body($answer), true) : null;
    if (!is_array($found) || !is_array($found['hits'] ?? null)) {
        return null;
    }
    $hits = [];
    foreach ($found['hits'] as $hit) {
        $shown = is_array($hit) && is_string($hit['title'] ?? null) && trim($hit['title']) !== ''
            && is_string($hit['url'] ?? null) && preg_match('~^https?://\S+$~Di', $hit['url']) === 1;
        if ($shown) {
            $section = is_string($hit['section'] ?? null) ? $hit['section'] : '';
            $hits[] = ['id' => (string) ($hit['id'] ?? ''), 'title' => $hit['title'], 'url' => $hit['url'], 'section' => $section];
        }
    }
    return array_slice($hits, 0, $limit);
}

/** Return whether a hit may be shown: a post of this site may have been withdrawn since the list was made. */
function still_there(array $hit): bool
{
    if (!preg_match('/-(\d+)$/D', $hit['id'], $found) || $hit['id'] !== article_id((int) $found[1])) {
        return true;
    }
    return is_public(get_post((int) $found[1]));
}

// The end

function deactivate(): void
{
    wp_clear_scheduled_hook(RETRY);
}

function uninstall(): void
{
    global $wpdb;
    deactivate();
    foreach (['lienquan_', '_transient_lienquan_', '_transient_timeout_lienquan_'] as $start) {
        $wpdb->query($wpdb->prepare("DELETE FROM {$wpdb->options} WHERE option_name LIKE %s", $wpdb->esc_like($start) . '%'));
    }
    wake();
    delete_option(OPTION);
}
