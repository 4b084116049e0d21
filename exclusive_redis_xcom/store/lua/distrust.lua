-- Make all marks of what was pushed until now count for nothing, no matter when they were or will be completed.
--
-- KEYS[1]  hash   <prefix>:!servers
-- ARGV[1]  field of the epoch, see beat.lua
-- ARGV[2]  field of the servers
-- ARGV[3]  fresh_ms
-- Returns  1 if there are servers, else 0. Without servers, no mark counts anyway
--
-- Cost: O(n) for the length of the two fields, which workers may write, as in beat.lua.

local longest = 65536
local held = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2])
if not held[1] and not held[2] then
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = math.max(tonumber(held[1] or '') or 0, now)
local text = held[2] or ''
local from, to = 1, #text <= longest and string.find(text, ';', 1, true)
while to do
  local beat = tonumber(string.match(string.sub(text, from, to), '^%x+ (%d+) %-?%d+;$') or '')
  if beat and beat > now then
    -- The clock went back, as after a failover to another machine. Marks made since that beat are later than now.
    epoch = math.max(epoch, beat + ARGV[3])
  end
  from, to = to + 1, string.find(text, ';', to + 1, true)
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', epoch))
return 1
