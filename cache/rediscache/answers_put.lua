-- Keeps an answer, unless one to a later question is there, and ends its claim.
--
-- KEYS  1 the answer: value, and sent
--       2 who asks
-- ARGV  1 the value
--       2 when its question was sent, in microseconds of Unix time
--       3 for how many milliseconds it is kept
--       4 the asker

local sent = tonumber(redis.call('HGET', KEYS[1], 'sent') or 0)
local time = redis.call('TIME')
-- From more than a minute ahead, by a clock that is wrong: no replica takes it, and it would
-- keep out what is good.
local wrong = sent > (time[1] + 60) * 1000000
if sent <= tonumber(ARGV[2]) or wrong then
  redis.call('HSET', KEYS[1], 'value', ARGV[1], 'sent', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
if redis.call('GET', KEYS[2]) == ARGV[4] then
  redis.call('DEL', KEYS[2])
end
return 1
