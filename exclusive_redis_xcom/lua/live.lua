-- Do all API servers watch over XCom rows? Writes nothing.
--
-- KEYS[1]  hash   <prefix>:!servers
-- ARGV[1]  field of the epoch, see beat.lua
-- ARGV[2]  field of the servers
-- ARGV[3]  fresh_ms
-- Returns  {epoch, the smallest of the servers' clocks minus this one}, both in milliseconds;
--          nil if there is none, or one has not been heard of for fresh_ms

local held = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2])
local epoch = tonumber(held[1] or '')
if not epoch then
  return false
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local smallest = false
for beat, ahead in string.gmatch(held[2] or '', '%x+ (%d+) (%-?%d+);') do
  if math.abs(now - beat) > tonumber(ARGV[3]) then
    return false
  end
  smallest = math.min(smallest or tonumber(ahead), tonumber(ahead))
end
return smallest and {epoch, smallest}
