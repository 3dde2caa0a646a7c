-- Returns the set, unless it is longer than any that is saved.
--
-- KEYS  1 the set, and when it was fetched
-- ARGV  1 the longest set

local size = redis.call('HSTRLEN', KEYS[1], 'set')
if size == 0 or size > tonumber(ARGV[1]) then
  return false
end
return redis.call('HGET', KEYS[1], 'set')
