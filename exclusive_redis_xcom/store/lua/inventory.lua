-- Tell what a hash holds, without its values.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]  field of the rule in force
-- ARGV[2]  how many values to describe at most
-- Returns  false if there is no such hash; else its TTL in ms, the rule in force or '', the bytes of all fields with
--          their names, the number of values, and for each described value six items: its map_index, the bytes of its
--          fields, the head of its envelope or '', the length of its claim, the name of its object or '', and its
--          description or ''
--
-- Cost: O(n) for the n fields of the hash, and at most ARGV[2] envelopes are copied. Workers may write any fields. An
-- envelope, a name of an object or a description that is longer than this package writes is not copied.

-- An envelope holds at most 1 MiB of payload, and its head has at most 64 KiB.
local largest, head, longest, longest_description = 1048576 + 65536, 65536, 65536, 2048
local ttl = redis.call('PTTL', KEYS[1])
if ttl == -2 then
  return false
end
local names = redis.call('HKEYS', KEYS[1])
local bytes, indexes, total, values = {}, {}, 0, 0
for _, name in ipairs(names) do
  local size = #name + redis.call('HSTRLEN', KEYS[1], name)
  total = total + size
  local index = string.match(name, '^(%-?%d+)$') or string.match(name, '^(%-?%d+):')
  if index then
    bytes[index] = (bytes[index] or 0) + size
    if index == name then
      values = values + 1
      if values <= tonumber(ARGV[2]) then
        indexes[#indexes + 1] = name
      end
    end
  end
end

local function text(name, limit)
  if redis.call('HSTRLEN', KEYS[1], name) > limit then
    return ''
  end
  return redis.call('HGET', KEYS[1], name) or ''
end

-- The payload, which is the value, stays here. The length of the head stands in bytes 5 and 6 of format 4, and in bytes 5
-- to 8 of all others (formats/envelope.py).
local function head_of(data)
  local a, b, c, d = string.byte(data, 5, 8)
  if d and string.byte(data, 4) == 4 then
    return string.sub(data, 1, a * 256 + b)
  end
  return d and string.sub(data, 1, math.min(a * 16777216 + b * 65536 + c * 256 + d, head)) or ''
end

local found = {ttl, text(ARGV[1], 2097152), total, values}
for _, index in ipairs(indexes) do
  found[#found + 1] = index
  found[#found + 1] = bytes[index]
  found[#found + 1] = head_of(text(index, largest))
  found[#found + 1] = redis.call('HSTRLEN', KEYS[1], index .. ':claim')
  found[#found + 1] = text(index .. ':spilled', longest)
  found[#found + 1] = text(index .. ':described', longest_description)
end
return found
