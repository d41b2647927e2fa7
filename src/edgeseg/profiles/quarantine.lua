-- Moves a value that is no profile aside, so that the visitor starts anew.
--
-- KEYS[1]  profile of the visitor
-- KEYS[2]  quarantine of the visitor
-- ARGV[1]  first bytes of the value that was found corrupt, '' for a wrong type
-- ARGV[2]  time to live in the quarantine, ms
--
-- Answers 1, or 0 where the value is no longer the one that was found corrupt.
local found = redis.call('TYPE', KEYS[1]).ok
if found == 'none' or (found == 'string') == (ARGV[1] == '') then
  return 0
end
if found == 'string' and redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then
  return 0
end
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
