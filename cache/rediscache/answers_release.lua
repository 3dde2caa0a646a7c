-- Ends a claim, if it is still the asker's.
--
-- KEYS  1 the answer
--       2 who asks
-- ARGV  1 the asker

if redis.call('GET', KEYS[2]) == ARGV[1] then
  return redis.call('DEL', KEYS[2])
end
return 0
