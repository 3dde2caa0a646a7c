-- Keeps a key set, unless one that was fetched later is there.
--
-- KEYS  1 the set, and when it was fetched
-- ARGV  1 the set
--       2 when it was fetched
--       3 skew          how far clocks may be apart
--       4 for how long it is kept
-- All times are milliseconds; absolute ones are Unix time.

local fetched = tonumber(ARGV[2])
local time = redis.call('TIME')
local latest = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[3])
-- By a clock that is wrong: no replica takes it, and it would keep out what is good.
if fetched > latest then
  return 0
end
local kept = tonumber(redis.call('HGET', KEYS[1], 'fetched') or 0)
if kept > fetched and kept <= latest then
  return 0
end
redis.call('HSET', KEYS[1], 'set', ARGV[1], 'fetched', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
