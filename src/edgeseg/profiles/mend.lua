-- Gives a header and an expiry to events that were appended to a vanished key.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  fresh header
-- ARGV[2]  time to live, ms
--
-- Answers 1, or 0 where the value has a header already, or is gone.
if redis.call('GETRANGE', KEYS[1], 0, 0) ~= '[' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. redis.call('GET', KEYS[1]), 'PX', ARGV[2])
return 1
