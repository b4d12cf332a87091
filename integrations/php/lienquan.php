<?php
/**
 * Related articles of Lienquan in a page that PHP makes. One file, PHP 8.1 or newer, no extension needed.
 *
 *     require 'lienquan.php';
 *     echo lienquan_html(lienquan_hits('https://lienquan.bao.example', 'a-17'), fallback: $own_list);
 *
 * Nothing here throws, and nothing takes longer than it may: where the service is late, down or odd there are no hits,
 * and for ten seconds nobody asks it again.
 */

declare(strict_types=1);

const LIENQUAN_SECONDS = 0.3;
const LIENQUAN_REST = 10;
const LIENQUAN_MOST_BYTES = 1_000_000;

/**
 * Return the related articles of a published one: a list of what the service says of each, those that can be linked.
 *
 * @param string $id       The article's id; its address will do if it starts with http.
 * @param float  $seconds  For the whole answer; only the look-up of the host's name is not counted in.
 * @param string $state    Where it is noted that the service does not answer; a directory that this program may write.
 * @return list<array<string, mixed>>
 */
function lienquan_hits(
    string $server,
    string $id,
    int $limit = 6,
    float $seconds = LIENQUAN_SECONDS,
    ?string $state = null,
): array {
    $resting = ($state ?? sys_get_temp_dir()) . '/lienquan-' . sha1($server) . '.down';
    clearstatcache(true, $resting);
    if (@is_file($resting) && time() - (int) @filemtime($resting) < LIENQUAN_REST) {
        return [];
    }
    if (@is_file($resting)) {
        @touch($resting); // one asks whether it is back, the others go on without
    }
    $by = preg_match('~^https?://~i', $id) ? 'related?url=%s&limit=%d' : 'articles/%s/related?limit=%d';
    $url = rtrim($server, '/') . '/api/v1/' . sprintf($by, rawurlencode($id), $limit);
    [$status, $body] = _lienquan_get($url, $seconds);
    $hits = $status === 200 ? _lienquan_listed($body) : null;
    if ($hits === null && $status !== 404) {
        @touch($resting);
        return [];
    }
    @unlink($resting);
    return array_slice(array_values(array_filter($hits ?? [], '_lienquan_can_be_shown')), 0, $limit);
}

/**
 * Return hits as HTML, or the fallback where there are none; only the fallback is taken as HTML.
 *
 * @param list<array<string, mixed>> $hits
 */
function lienquan_html(array $hits, string $fallback = '', string $heading = 'Bài liên quan'): string
{
    if (!$hits) {
        return $fallback;
    }
    $items = '';
    foreach ($hits as $hit) {
        $section = is_string($hit['section'] ?? null) ? $hit['section'] : '';
        $items .= '<li><a href="' . _lienquan_escape($hit['url']) . '">' . _lienquan_escape($hit['title']) . '</a>'
            . ($section === '' ? '' : ' <span>' . _lienquan_escape($section) . '</span>') . '</li>';
    }
    $heading = _lienquan_escape($heading);
    return "<section class=\"lienquan\" aria-label=\"$heading\"><h2>$heading</h2><ul>$items</ul></section>";
}

/** @return ?list<mixed> */
function _lienquan_listed(string $body): ?array
{
    $answer = json_decode($body, true, 32);
    $hits = is_array($answer) ? $answer['hits'] ?? null : null;
    return is_array($hits) && array_is_list($hits) ? $hits : null;
}

function _lienquan_can_be_shown(mixed $hit): bool
{
    return is_array($hit) && is_string($hit['title'] ?? null) && trim($hit['title']) !== ''
        && is_string($hit['url'] ?? null) && preg_match('~^https?://\S+$~Di', $hit['url']) === 1;
}

function _lienquan_escape(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
}

/**
 * Return status and body of an answer, status 0 where there is none that is whole.
 *
 * By a socket: PHP's own http:// counts its time limit anew with every byte that comes.
 *
 * @return array{int, string}
 */
function _lienquan_get(string $url, float $seconds): array
{
    $until = microtime(true) + $seconds;
    $parts = parse_url($url);
    if (!isset($parts['host']) || !in_array($parts['scheme'] ?? '', ['http', 'https'], true)) {
        return [0, ''];
    }
    $secure = $parts['scheme'] === 'https';
    $port = $parts['port'] ?? ($secure ? 443 : 80);
    $place = ($secure ? 'ssl://' : 'tcp://') . $parts['host'] . ':' . $port;
    $socket = @stream_socket_client($place, $code, $reason, $seconds);
    if ($socket === false) {
        return [0, ''];
    }
    $host = $parts['host'] . (isset($parts['port']) ? ":$port" : '');
    $path = ($parts['path'] ?? '/') . (isset($parts['query']) ? '?' . $parts['query'] : '');
    // By HTTP/1.0, so that the answer ends with the connection and comes in one piece.
    @fwrite($socket, "GET $path HTTP/1.0\r\nHost: $host\r\nAccept: application/json\r\nConnection: close\r\n\r\n");
    $answer = '';
    while (!feof($socket) && strlen($answer) < LIENQUAN_MOST_BYTES) {
        $left = (int) (($until - microtime(true)) * 1_000_000);
        if ($left <= 0) {
            break;
        }
        stream_set_timeout($socket, intdiv($left, 1_000_000), $left % 1_000_000);
        $answer .= (string) @fread($socket, 65_536);
    }
    $whole = feof($socket);
    fclose($socket);
    [$head, $body] = explode("\r\n\r\n", $answer, 2) + [1 => ''];
    if (!$whole || !preg_match('~^HTTP/1\.[01] (\d{3})~', $head, $found)) {
        return [0, ''];
    }
    return [(int) $found[1], $body];
}
