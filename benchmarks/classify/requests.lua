-- Requests of many visitors, each with the signed cookie they were given.
-- Arguments after "--": the file of cookies, "" for plain GET requests; and what is asked
-- for: "classify" (a page view), "fragment" or "flag", all of one slot; "view" (no slots)
-- or "slots" (five of them); "flags", all of them at once; "unleash", the flags that are on by
-- Unleash's proxy, or "unleash-all", all of them: then each line is a query string.

local cookies = {}
local face = "classify"
local turn = 0
local slots = {
  classify = '"home-hero"',
  view = '',
  slots = '"slot-0","slot-1","slot-2","slot-3","slot-4"',
}

function init(args)
  face = args[2] or face
  if args[1] == nil or args[1] == "" then
    return
  end
  for line in io.lines(args[1]) do
    cookies[#cookies + 1] = line
  end
  turn = math.random(#cookies)
end

function request()
  if #cookies == 0 then
    return wrk.format("GET", "/")
  end
  turn = turn % #cookies + 1
  if face == "unleash" or face == "unleash-all" then
    local path = face == "unleash" and "/proxy?" or "/proxy/all?"
    return wrk.format("GET", path .. cookies[turn], { ["Authorization"] = "benchmark" })
  end
  local url = string.format("http://shop.example/section-%d/page-%d?utm_source=news", turn % 12, turn % 20)
  local headers = {
    ["Content-Type"] = "application/json",
    ["Cookie"] = "edgeseg=" .. cookies[turn],
    ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    ["Accept-Language"] = "en-GB,en;q=0.9",
  }
  if face == "fragment" then
    return wrk.format("GET", "/v1/fragment/home-hero?url=" .. url, headers)
  end
  if face == "flag" then
    headers["Sec-Fetch-Site"] = "same-origin"
    local context = string.format('{"context":{"url":"%s"}}', url)
    return wrk.format("POST", "/ofrep/v1/evaluate/flags/slot/home-hero", headers, context)
  end
  if face == "flags" then
    headers["Sec-Fetch-Site"] = "same-origin"
    local context = string.format('{"context":{"url":"%s"}}', url)
    return wrk.format("POST", "/ofrep/v1/evaluate/flags", headers, context)
  end
  local body = string.format(
    '{"page":{"url":"%s","referrer":"","title":"A page"},"slots":[%s]}', url, slots[face])
  return wrk.format("POST", "/v1/classify", headers, body)
end

function done(summary, latency, _)
  io.write(string.format(
    '\nRESULT {"requests":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"bad":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout))
end
