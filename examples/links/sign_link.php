<?php
// Signs a link to an export, with PHP's own functions.
//
//   php sign_link.php SECRET KID PATH EXPIRES [NAME VALUE]...

function sign_link(string $secret, string $kid, string $path, int $expires, array $query): string
{
    $pairs = [['_kid', $kid], ['_exp', (string) $expires], ...$query];
    // As encodeURIComponent of JavaScript does.
    $plain = ['%21' => '!', '%27' => "'", '%28' => '(', '%29' => ')', '%2A' => '*'];
    $encode = fn (string $text): string => strtr(rawurlencode($text), $plain);
    $encoded = array_map(fn (array $pair): string => implode('=', array_map($encode, $pair)), $pairs);
    sort($encoded, SORT_STRING);
    $queryString = implode('&', $encoded);
    $text = implode("\n", ['spillway-link-v1', 'GET', $path, $queryString]);
    $digest = hash_hmac('sha256', $text, $secret, true);
    $signature = rtrim(strtr(base64_encode($digest), '+/', '-_'), '=');
    return "$path?$queryString&_sig=$signature";
}

[, $secret, $kid, $path, $expires] = $argv;
echo sign_link($secret, $kid, $path, (int) $expires, array_chunk(array_slice($argv, 5), 2)), "\n";
