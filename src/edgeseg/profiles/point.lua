-- Turns a profile into a pointer to the one it is merged into. The profile itself stays
-- behind the pointer until it is part of the other one, so that nothing is lost in between.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  first 18 bytes of the pointer's header: mark, version, generation
-- ARGV[2]  id that the visitor is merged into
-- ARGV[3]  time to live, ms
-- ARGV[4]  an empty profile, for a visitor of whom nothing is stored
--
-- Answers 1, or 0 where there is no profile: it was erased, or is a pointer already.
local value = redis.call('GET', KEYS[1]) or ARGV[4]
local mark = string.sub(value, 1, 1)
if mark ~= 'E' and mark ~= '[' then
  return 0
end
local body = ARGV[2] .. '\n' .. value
local length = string.format('%08x', #body)
redis.call('SET', KEYS[1], ARGV[1] .. length .. '\n' .. body, 'PX', ARGV[3])
return 1
