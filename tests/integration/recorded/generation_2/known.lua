-- Tell what a hash holds for some map indexes. Of a value itself, at most one small envelope is returned.
--
-- KEYS[1]    hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]    field of the rule in force
-- ARGV[2]    how many bytes an envelope may have to be returned as a whole; 0 for its head alone, without the payload
-- ARGV[3]    how many bytes all rules together may have; the rest of them are told as ''
-- ARGV[4...] map indexes, at most 1,000
-- Returns    false if there is no such hash; else the time in ms, the rule in force or '', and for each map_index seven
--            items: the bytes of its fields, the length of its envelope, the envelope or its head or '', its own rule
--            or '', its claim or '', the name of its object or '', and its description or ''
--
-- Cost: O(n) for n map indexes. For a head, the envelope is copied inside Redis, and that is at most 1 MiB. Workers may
-- write any fields. What is longer than this package writes is not copied. The script needs HLEN, HSTRLEN, HMGET and
-- TIME. It does without PTTL: an API server's user that may run PTTL could push.

local largest, head, longest, longest_rule, longest_description = 1048576 + 65536, 65536, 65536, 2097152, 2048
if redis.call('HLEN', KEYS[1]) == 0 then
  return false
end

local function text(name, length, limit)
  if length == 0 or length > limit then
    return ''
  end
  return redis.call('HMGET', KEYS[1], name)[1] or ''
end

local function whole(name, limit)
  return text(name, redis.call('HSTRLEN', KEYS[1], name), limit)
end

local left = tonumber(ARGV[3])
local function rule(name)
  local length = redis.call('HSTRLEN', KEYS[1], name)
  if length > left then
    return ''
  end
  left = left - length
  return text(name, length, longest_rule)
end

-- The length of the head stands in bytes 5 to 8 (formats/envelope.py).
local function envelope(name, length)
  local most = tonumber(ARGV[2])
  local found = text(name, length, most > 0 and most or largest)
  if most > 0 or #found < 8 then
    return found
  end
  local a, b, c, d = string.byte(found, 5, 8)
  return string.sub(found, 1, math.min(((a * 256 + b) * 256 + c) * 256 + d, head))
end

local time = redis.call('TIME')
local found = {time[1] * 1000 + math.floor(time[2] / 1000), rule(ARGV[1])}
for i = 4, #ARGV do
  local index = ARGV[i]
  local bytes = 0
  for _, ending in ipairs({'', ':acl', ':claim', ':committed', ':described', ':parts', ':spilled'}) do
    local length = redis.call('HSTRLEN', KEYS[1], index .. ending)
    if length > 0 then
      bytes = bytes + #index + #ending + length
    end
  end
  local length = redis.call('HSTRLEN', KEYS[1], index)
  found[#found + 1] = bytes
  found[#found + 1] = length
  found[#found + 1] = envelope(index, length)
  found[#found + 1] = rule(index .. ':acl')
  found[#found + 1] = whole(index .. ':claim', longest)
  found[#found + 1] = whole(index .. ':spilled', longest)
  found[#found + 1] = whole(index .. ':described', longest_description)
end
return found
