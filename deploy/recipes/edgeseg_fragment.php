<?php
/**
 * Fetch fragments of edgeseg from PHP. One file to copy; curl where PHP has it, else streams.
 *
 *   echo edgeseg_fragment('home-hero', '<h1>The page\'s own hero</h1>');
 *
 * The page never waits longer than the timeout and never breaks: whatever goes wrong, the answer
 * is the page's own content. After a failure the other slots of the page are not tried.
 * A page with such a call is its visitor's: do not let a shared cache keep it.
 */

const EDGESEG_SERVICE = 'http://127.0.0.1:8080';
const EDGESEG_TIMEOUT_MS = 150;

function edgeseg_fragment(string $slot, string $fallback = '', string $service = EDGESEG_SERVICE): string
{
    static $away = false;
    if ($away) {
        return $fallback;
    }
    $scheme = empty($_SERVER['HTTPS']) || $_SERVER['HTTPS'] === 'off' ? 'http' : 'https';
    $page = $scheme . '://' . ($_SERVER['HTTP_HOST'] ?? 'localhost') . ($_SERVER['REQUEST_URI'] ?? '/');
    $url = $service . '/v1/fragment/' . rawurlencode($slot) . '?url=' . rawurlencode($page);
    $hops = array_filter([$_SERVER['HTTP_X_FORWARDED_FOR'] ?? '', $_SERVER['REMOTE_ADDR'] ?? '']);
    $headers = [
        'Cookie: ' . ($_SERVER['HTTP_COOKIE'] ?? ''),
        'User-Agent: ' . ($_SERVER['HTTP_USER_AGENT'] ?? ''),
        'Accept-Language: ' . ($_SERVER['HTTP_ACCEPT_LANGUAGE'] ?? ''),
        'Sec-GPC: ' . ($_SERVER['HTTP_SEC_GPC'] ?? ''),
        'X-Forwarded-For: ' . implode(', ', $hops),
    ];
    $html = function_exists('curl_init')
        ? edgeseg_get_by_curl($url, $headers)
        : edgeseg_get_by_stream($url, $headers);
    if ($html === null) {
        $away = true;
        return $fallback;
    }
    return $html === '' || str_starts_with($html, '<!-- edgeseg:') ? $fallback : $html;
}

function edgeseg_get_by_curl(string $url, array $headers): ?string
{
    $call = curl_init($url);
    curl_setopt_array($call, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => $headers,
        CURLOPT_TIMEOUT_MS => EDGESEG_TIMEOUT_MS,
        CURLOPT_NOSIGNAL => true,
    ]);
    $html = curl_exec($call);
    $status = curl_getinfo($call, CURLINFO_RESPONSE_CODE);
    curl_close($call);
    return is_string($html) && $status === 200 ? $html : null;
}

function edgeseg_get_by_stream(string $url, array $headers): ?string
{
    $options = ['header' => $headers, 'timeout' => EDGESEG_TIMEOUT_MS / 1000, 'ignore_errors' => false];
    $html = @file_get_contents($url, false, stream_context_create(['http' => $options]));
    return is_string($html) ? $html : null;
}
