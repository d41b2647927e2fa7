# Pages put together by Varnish from ESI includes of edgeseg's fragments.
#
# Before a page is looked up, Varnish asks edgeseg for the visitor's segment key and sends it
# with each include. Fragments of slots with `vary_on` are then kept once per key, all others
# are fetched for each visitor. Nothing that edgeseg does, or fails to do, breaks a page.
#
# How to use it: docs/how-to/put-it-in-your-cms.md. Tested with
# Varnish 7.1 and 7.7, and with Vinyl Cache 9.0, as the project is called since that version.

vcl 4.1;

# Your site.
backend site {
    .host = "127.0.0.1";
    .port = "8081";
}

backend edgeseg {
    .host = "127.0.0.1";
    .port = "8080";
    .connect_timeout = 100ms;
    .first_byte_timeout = 200ms;
    .between_bytes_timeout = 200ms;
    # Once it is known to be away, no page waits for it. /healthz may be on a port of its own.
    .probe = {
        .url = "/edgeseg.js";
        .interval = 1s;
        .timeout = 500ms;
        .window = 3;
        .threshold = 2;
        .initial = 2;
    }
}

sub vcl_recv {
    # Whoever ends TLS in front says so. Varnish itself knows no other scheme.
    set req.http.X-Edgeseg-Site = "http://" + req.http.Host;
    if (req.http.X-Forwarded-Proto ~ "(?i)^https") {
        set req.http.X-Edgeseg-Site = "https://" + req.http.Host;
    }
    if (req.esi_level > 0 && req.restarts == 0) {
        # An include starts from the client's own headers, so take what was found out instead.
        unset req.http.Edgeseg-Segment-Key;
        if (req_top.http.Edgeseg-Segment-Key) {
            set req.http.Edgeseg-Segment-Key = req_top.http.Edgeseg-Segment-Key;
        }
        set req.http.Referer = req.http.X-Edgeseg-Site + req_top.url;
    } elsif (req.restarts == 0) {
        # Nobody outside chooses a key, or a step.
        unset req.http.Edgeseg-Segment-Key;
        unset req.http.X-Edgeseg-Page;
    }

    if (req.url ~ "^/v1/fragment/") {
        set req.backend_hint = edgeseg;
        set req.method = "GET";
        unset req.http.Authorization;
        if (req.http.Edgeseg-Segment-Key) {
            return (hash);  # in spite of the cookie: what is private says so
        }
        return (pass);
    }
    if (req.url ~ "^/ofrep/v1/events") {
        set req.backend_hint = edgeseg;
        return (pipe);  # an answer without end
    }
    if (req.url ~ "^/(edgeseg(\.popups)?(\.[0-9a-f]+)?\.js(\.map)?$|v1/|ofrep/v1/)") {
        set req.backend_hint = edgeseg;
        return (pass);
    }
    if (req.restarts == 0 && req.esi_level == 0 && (req.method == "GET" || req.method == "HEAD")
        && req.url !~ "\.(css|js|png|jpe?g|gif|webp|avif|svg|ico|woff2?)(\?|$)") {
        # First the key, then, by a restart, the page.
        set req.http.X-Edgeseg-Page = req.url;
        set req.http.X-Edgeseg-Referer = req.http.Referer;
        set req.http.Referer = req.http.X-Edgeseg-Site + req.url;
        set req.url = "/v1/segment-key";
        set req.backend_hint = edgeseg;
        return (pass);
    }
    set req.backend_hint = site;
}

sub vcl_backend_response {
    if (bereq.url ~ "^/v1/fragment/" && beresp.status != 200) {
        return (error(503, "not a fragment"));
    }
    if (bereq.url ~ "^/v1/fragment/"
        && beresp.http.Cache-Control !~ "stale-while-revalidate") {
        set beresp.grace = 0s;  # time changes it: no old copy for the usual 10 s
    }
    if (bereq.url ~ "^/fallbacks/" && beresp.status != 200) {
        return (error(503, "no fallback"));
    }
    if (bereq.backend == site && beresp.http.Content-Type ~ "^text/html") {
        set beresp.do_esi = true;
        set beresp.http.X-Edgeseg-Assembled = "yes";
    }
}

sub vcl_backend_error {
    if (bereq.url ~ "^/(v1/(fragment/|segment-key)|fallbacks/)") {
        set beresp.status = 200;
        set beresp.http.Content-Type = "text/html; charset=utf-8";
        set beresp.http.Cache-Control = "private, no-store";
        set beresp.http.Edgeseg-Status = "unavailable";
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        set beresp.body = "<!-- edgeseg: unavailable -->";
        return (deliver);
    }
}

sub vcl_deliver {
    if (req.http.X-Edgeseg-Page) {
        if (resp.http.Edgeseg-Segment-Key) {
            set req.http.Edgeseg-Segment-Key = resp.http.Edgeseg-Segment-Key;
        }
        set req.url = req.http.X-Edgeseg-Page;
        set req.http.Referer = req.http.X-Edgeseg-Referer;
        unset req.http.X-Edgeseg-Page;
        unset req.http.X-Edgeseg-Referer;
        return (restart);
    }
    if (req.esi_level > 0 && req.restarts == 0 && req.url ~ "^/v1/fragment/"
        && resp.http.Edgeseg-Status == "unavailable") {
        # The site's own content for the slot, if it has some.
        set req.url = regsub(req.url, "^/v1/fragment/([^/?]*).*$", "/fallbacks/\1.html");
        return (restart);
    }
    if (resp.http.X-Edgeseg-Assembled) {
        # What was put together is this visitor's; only its parts are shared.
        set resp.http.Cache-Control = "private, no-cache";
        unset resp.http.ETag;
        unset resp.http.Last-Modified;
        unset resp.http.X-Edgeseg-Assembled;
    }
}
