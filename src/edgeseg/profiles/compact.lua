-- Replaces header, snapshot and folded events of a profile by a newer snapshot.
-- Events that were appended after the compaction read the value stay behind it.
--
-- KEYS[1]  profile of the visitor
-- ARGV[1]  header that the compaction read
-- ARGV[2]  how many bytes of the value it folded, header included
-- ARGV[3]  new header and snapshot
-- ARGV[4]  time to live, ms; 0 leaves it as it is
--
-- Answers 1, or 0 where the value is no longer the one that was read.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
local later = redis.call('GETRANGE', KEYS[1], ARGV[2], -1)
if ARGV[4] == '0' then
  redis.call('SET', KEYS[1], ARGV[3] .. later, 'KEEPTTL')
else
  redis.call('SET', KEYS[1], ARGV[3] .. later, 'PX', ARGV[4])
end
return 1
