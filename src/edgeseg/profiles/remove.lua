-- Removes a value, unless another one has taken its place.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  first 18 bytes of the value's header: mark, version, generation
--
-- Answers 1, or 0 where there is another value now, or none.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
