-- Record that an API server watches over XCom rows.
--
-- KEYS[1]  hash   <prefix>:!servers
-- ARGV[1]  field of the epoch: milliseconds since 1970, by the clock of Redis. Marks of what was pushed before it count
--          for nothing
-- ARGV[2]  field of the servers: for each '<id> <time of its last beat> <its clock minus that of Redis>;', in
--          milliseconds. Readers (store/epoch.py) believe no server if the field holds anything else
-- ARGV[3]  the API server's id, hexadecimal digits
-- ARGV[4]  the API server's clock, milliseconds since 1970
-- ARGV[5]  fresh_ms: a server whose last beat is older may have missed a change of rows
-- ARGV[6]  retire_ms: a server whose last beat is older is gone
-- ARGV[7]  '1' if the API server could not tell Redis of a change of rows, else ''
-- Returns  the epoch
--
-- Cost: O(n) for the length n of the two fields, which workers may write. The script reads each entry once, and does not
-- take a field apart that is longer than any fleet of API servers makes it.

local longest = 65536
local fresh_ms, retire_ms = tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2])
local epoch = tonumber(held[1] or '')

local servers = {}
local latest = 0
local own, retired
local text = held[2] or ''
if #text > longest then
  text, retired = '', true
end
local from, to = 1, string.find(text, ';', 1, true)
while to do
  local entry = string.sub(text, from, to)
  local id, beat = string.match(entry, '^(%x+) (%d+) %-?%d+;$')
  local at = tonumber(beat or '')
  if not at then
    retired = true  -- it may have been a server
  else
    latest = math.max(latest, at)
    if id == ARGV[3] then
      own = at
    elseif math.abs(now - at) > retire_ms then
      retired = true
    else
      servers[#servers + 1] = entry
    end
  end
  from, to = to + 1, string.find(text, ';', to + 1, true)
end

if ARGV[7] == '1' or retired or not epoch or not own or math.abs(now - own) > fresh_ms then
  epoch = math.max(epoch or 0, now)
end
if latest > now then
  -- The clock went back, as after a failover to another machine. Marks made since the last beat are later than now.
  epoch = math.max(epoch, latest + fresh_ms)
end
-- Both clocks were rounded down, so one is subtracted. The request's way makes the difference smaller still. A
-- difference that is too small is on the safe side.
servers[#servers + 1] = string.format('%s %.0f %.0f;', ARGV[3], now, ARGV[4] - now - 1)

redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', epoch), ARGV[2], table.concat(servers))
local expiry = redis.pcall('PEXPIRE', KEYS[1], retire_ms)
if type(expiry) == 'table' and expiry.err then
  redis.call('HDEL', KEYS[1], ARGV[1], ARGV[2])
  return expiry
end
return epoch
