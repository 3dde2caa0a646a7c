-- Adds sealed marks to the stream, and drops what is too old to matter: by age alone.
--
-- KEYS  1 the stream
-- ARGV  1 the marks
--       2 for how many milliseconds anything is kept

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XADD', KEYS[1], '*', 'begun', '')
end
local time = redis.call('TIME')
local oldest = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(ARGV[2])
return redis.call('XADD', KEYS[1], 'MINID', '~', math.max(oldest, 0), '*', 'marks', ARGV[1])
