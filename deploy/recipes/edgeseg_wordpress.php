<?php
/**
 * Plugin Name: edgeseg slots
 * Description: Shows the slots of edgeseg: [edgeseg slot="home-hero"]the page's own[/edgeseg]
 *
 * Put this file and edgeseg_fragment.php into wp-content/plugins/edgeseg/ and activate it. A page
 * with the shortcode is its visitor's: it is marked so for page caches that heed DONOTCACHEPAGE.
 */

require_once __DIR__ . '/edgeseg_fragment.php';

function edgeseg_shortcode($attributes, ?string $content = null): string
{
    $slot = shortcode_atts(['slot' => ''], $attributes, 'edgeseg')['slot'];
    if (!defined('DONOTCACHEPAGE')) {
        define('DONOTCACHEPAGE', true);
    }
    return edgeseg_fragment($slot, do_shortcode((string) $content));
}

add_shortcode('edgeseg', 'edgeseg_shortcode');
