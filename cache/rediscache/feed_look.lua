-- Says whether the stream still has what the asker read and published last, and how old it
-- is. Begins it, if there is none: so everybody has read something of it, and notices when it is gone.
--
-- KEYS  1 the stream
-- ARGV  1 the id of what the asker read last; 0-0 if it has read nothing
--       2 the id of what it published last; 0-0 if nothing
--       3 for how many milliseconds anything is kept
-- Answers with 1 if both are there, and for how many milliseconds the stream has been there,
-- or -1 if its beginning has been trimmed.

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
return {there(ARGV[1]) and there(ARGV[2]) and 1 or 0, age}
