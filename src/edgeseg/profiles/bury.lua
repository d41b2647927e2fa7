-- Cuts late events off the tombstone of an erased visitor; its expiry stays.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  tombstone
--
-- Answers 1, or 0 where there is another value now.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL')
return 1
