-- Puts a tombstone in the place of whatever is stored of a visitor.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  tombstone
-- ARGV[2]  its time to live, ms
-- ARGV[3]  '1' if a tombstone that stands there may last longer, and then keeps its expiry
--
-- Answers the value that was there, '' for one that is no string, or nothing.
local found = redis.call('TYPE', KEYS[1]).ok
local value = found == 'string' and redis.call('GET', KEYS[1])
if value and ARGV[3] == '1' and string.sub(value, 1, 1) == string.sub(ARGV[1], 1, 1) then
  redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return value or found ~= 'none' and ''
