-- Remembers a proof, or says why not. One script is one step: nobody else comes between.
--
-- KEYS  1 the epoch: since when everything is remembered, and by which server
--       2 the proofs of one key, each scored with its until
-- ARGV  1 the proof, or nothing: only asks
--       2 until         when no replica takes it for a recent one any more
--       3 lifetime      the longest from its use to its until
--       4 skew          how far clocks may be apart
--       5 room          how many proofs of one key
--       6 epoch         of the answer that the asker had last, or 0
-- All times are milliseconds; absolute ones are Unix time, by the clock of this server.
-- Answers with what became of it, after how long to ask again, and the epoch.

local proof, till, lifetime, skew, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local info = redis.call('INFO', 'server', 'memory', 'replication')

-- A proof that was evicted could be used again. What was remembered until now may have
-- been: when the policy is another one, that is a new epoch.
if string.match(info, '\nmaxmemory:(%d+)') ~= '0' and not string.find(info, 'maxmemory_policy:noeviction', 1, true) then
  redis.call('DEL', KEYS[1])
  return {'evicting', 0, tonumber(ARGV[6])}
end

-- Whatever was used before an epoch may have been forgotten. One begins with
-- * no epoch: the server is empty,
-- * another run: the server was started again, or is another one since a failover. It has
--   what was saved, or had arrived, which need not be all,
-- * another promotion: it followed another server meanwhile, took over what that one had, and
--   is the master again. -1 is of one that never was promoted, or has no replica any more,
-- * one that is older than what the asker has seen: it talked to another server meanwhile,
-- * a clock that was set back: by the one before, proofs have had their time too early.
local run = string.match(info, '\nrun_id:(%w+)')
local promoted = string.match(info, '\nsecond_repl_offset:(%d+)') or '-1'
local epoch = redis.call('HMGET', KEYS[1], 'run', 'began', 'seen', 'promoted')
local began, seen = tonumber(epoch[2]), tonumber(epoch[3])
local again = promoted ~= '-1' and promoted ~= epoch[4]
if epoch[1] ~= run or again or began < tonumber(ARGV[6]) or now + skew < seen then
  began, seen = now, now
  redis.call('HSET', KEYS[1], 'run', run, 'promoted', promoted, 'began', now, 'seen', now)
end
-- How far the clock went is noted whatever is answered, once in a skew: by one that is ahead
-- all may be past, and Redis drops it on time. No more than twice the skew too early, which
-- is how much longer proofs are kept. Without memory for that, the rest goes on.
if now > seen + skew then
  redis.pcall('HSET', KEYS[1], 'seen', now)
end

-- Nothing is remembered that has less time, or more, than this relies on.
if till <= now then
  return {'past', 0, began}
end
if till > now + lifetime then
  return {'ahead', 0, began}
end
-- Then a proof that was used before the epoch ends within a lifetime of it, by the clock
-- of the server that it was used at.
local known = began + lifetime + skew
if till <= known then
  return {'unknown', known - till + 1, began}
end

if proof == '' then
  return {'fresh', 0, began}
end
if redis.call('ZSCORE', KEYS[2], proof) then
  return {'replayed', 0, began}
end
-- The first that is written: only that is refused for a lack of memory.
redis.call('HSET', KEYS[1], 'seen', now)
-- A clock that is then set back by no more than the skew makes none of these recent again.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - skew)
if redis.call('ZCARD', KEYS[2]) >= room then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  return {'full', first[2] + skew - now, began}
end
redis.call('ZADD', KEYS[2], till, proof)
redis.call('PEXPIREAT', KEYS[2], now + lifetime + 2 * skew) -- after every proof in it
return {'fresh', 0, began}
