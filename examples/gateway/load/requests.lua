-- Sends the requests of a file, which a NUL ends each, one after the other, from a
-- place that differs by connection; prints what it saw on one line.
local requests, next_one = {}, 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   for request in file:read("*a"):gmatch("([^%z]+)") do requests[#requests + 1] = request end
   file:close()
   math.randomseed(os.time())
   next_one = math.random(#requests)
end

function request()
   next_one = next_one % #requests + 1
   return requests[next_one]
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format("RESULT %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
      latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
