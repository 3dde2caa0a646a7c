-- Says whether the stream still has what the asker read and published last, and how old it
-- is, or the last loss. Begins it, if there is none: so everybody has read something of it,
-- and notices when it is gone.
--
-- KEYS  1 the stream
--       2 is there for a while after somebody noticed a loss
-- ARGV  1 the id of what the asker read last; 0-0 if it has read nothing
--       2 the id of what it published last; 0-0 if nothing
--       3 for how many milliseconds anything is kept
--       4 for how many milliseconds others may say again what was lost
-- Answers with 1 if both are there, and for how many milliseconds the stream has been there
-- and nobody noticed a loss, or -1 if its beginning has been trimmed.

local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
if #first == 0 then
  redis.call('XADD', KEYS[1], '*', 'begun', '')
  first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function made(id) return tonumber(string.match(id, '^%d+')) end

local age = -1
if first[1][2][1] == 'begun' then
  age = math.max(now - made(first[1][1]), 0)
end
-- What is too old to matter may have been trimmed, and nothing was lost with it.
local function there(id)
  return id == '0-0' or made(id) < now - tonumber(ARGV[3]) or #redis.call('XRANGE', KEYS[1], id, id) == 1
end
if not (there(ARGV[1]) and there(ARGV[2])) then
  redis.pcall('SET', KEYS[2], '', 'PX', ARGV[4]) -- without memory for it, who comes later learns of nothing
  return {0, 0}
end
-- To one that comes after a loss, the stream is as it should be: others must tell it.
local left = redis.call('PTTL', KEYS[2])
if left > 0 then
  local since = math.max(tonumber(ARGV[4]) - left, 0)
  age = age < 0 and since or math.min(age, since)
end
return {1, age}
