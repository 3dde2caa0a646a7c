-- Returns what is kept about a token, or claims the question.
--
-- KEYS  1 the answer: value, and sent
--       2 who asks
-- ARGV  1 the value that the asker has seen, or nothing
--       2 the asker
--       3 for how many milliseconds it claims the question; 0: not
--       4 the longest value
-- Answers with 1 if the question is the asker's, and the value, or nothing.

local size = redis.call('HSTRLEN', KEYS[1], 'value')
if size > 0 and size <= tonumber(ARGV[4]) then
  local value = redis.call('HGET', KEYS[1], 'value')
  if value ~= ARGV[1] then
    return {0, value}
  end
end
if ARGV[3] == '0' then
  return {0, ''}
end
-- One who asks twice, because the first answer was lost, has it already.
if redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) or redis.call('GET', KEYS[2]) == ARGV[2] then
  return {1, ''}
end
return {0, ''}
