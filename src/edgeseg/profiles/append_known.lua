-- Appends to a profile, but makes none: nothing is stored of a visitor without one.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  lines to append
--
-- Answers 1, 0 where there is no profile, or 2 where its visitor was merged into another.
local mark = redis.call('GETRANGE', KEYS[1], 0, 0)
if mark == 'M' then
  return 2
end
if mark ~= 'E' and mark ~= '[' then
  return 0
end
redis.call('APPEND', KEYS[1], ARGV[1])
return 1
