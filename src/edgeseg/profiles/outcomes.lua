-- Adds outcomes of one campaign to the counts of a day, each outcome once.
--
-- KEYS[1]  counts of the day, a hash
-- KEYS[2]  marks of what was counted in this stretch of time, a set
-- KEYS[3]  marks of the stretch before
-- ARGV[1]  time to live of the counts, ms
-- ARGV[2]  time to live of the marks, ms
-- ARGV[3]  how many different counts there may be
-- ARGV[4]  where the others are counted
-- ARGV[5]  and on: of each outcome its mark, how many counts it adds to, and these:
--          the count's name and the whole number to add
--
-- Answers how many of the outcomes were not counted before.
local fresh, names, sums = 0, {}, {}
local at = 5
while at <= #ARGV do
  local mark, last = ARGV[at], at + 1 + 2 * tonumber(ARGV[at + 1])
  if redis.call('SISMEMBER', KEYS[3], mark) == 0 and redis.call('SADD', KEYS[2], mark) == 1 then
    fresh = fresh + 1
    for each = at + 2, last, 2 do
      local name = ARGV[each]
      if not sums[name] then
        names[#names + 1] = name
        sums[name] = 0
      end
      sums[name] = sums[name] + tonumber(ARGV[each + 1])
    end
  end
  at = last + 1
end
if fresh == 0 then
  return 0
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local room = tonumber(ARGV[3]) - redis.call('HLEN', KEYS[1])
for _, name in ipairs(names) do
  local is_known = redis.call('HEXISTS', KEYS[1], name) == 1
  -- Those of all visitors, which end with a slash, always have a place: they are few.
  if is_known or room > 0 or string.sub(name, -1) == '/' then
    redis.call('HINCRBY', KEYS[1], name, string.format('%.0f', sums[name]))
  else
    redis.call('HINCRBY', KEYS[1], ARGV[4], 1)
  end
  if not is_known then
    room = room - 1
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return fresh
