-- Remove some of the parts that belong to no value any more. The caller runs it until nothing is left. The removal of
-- all parts at once would block Redis for its other clients.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]  field of the rule in force
-- ARGV[2]  field of the value's parts
-- ARGV[3]  field of the value, the beginning of the names of its parts
-- ARGV[4]  how many parts to remove at most
-- ARGV[5]  a version whose push is given up, or ''. Its parts are removed as well, unless they are the value's
-- Returns  1 if there are more to remove, else 0
--
-- Cost: O(n) for the parts that it removes, at most ARGV[4], and for the length n of the field of the parts, which workers
-- may write: see part.lua.

-- No value has more parts.
local most = 2048
local longest = 65536
local list = redis.call('HMGET', KEYS[1], ARGV[2])[1] or ''
if #list > longest then
  redis.call('HDEL', KEYS[1], ARGV[2])
  list = ''
end
local entries, more, name, count = {}, 0, nil, 0
for state, version, parts in string.gmatch(list, '([=+-])(%x+):(%d+)') do
  if state == '+' and version == ARGV[5] then
    state = '-'
  end
  if state == '-' and not name then
    name, count = ARGV[3] .. ':' .. version .. ':', math.min(tonumber(parts), most)
    if count > tonumber(ARGV[4]) then
      entries[#entries + 1] = state .. version .. ':' .. count - ARGV[4]
      more = 1
    end
  else
    entries[#entries + 1] = state .. version .. ':' .. parts
    if state == '-' then
      more = 1
    end
  end
end
if not name then
  return 0
end
for number = math.max(0, count - ARGV[4]), count - 1 do
  redis.call('HDEL', KEYS[1], name .. string.format('%.0f', number))
end

-- This write comes after the removal, so even a full Redis accepts it.
if #entries > 0 then
  redis.call('HSET', KEYS[1], ARGV[2], table.concat(entries, ' '))
  return more
end
redis.call('HDEL', KEYS[1], ARGV[2])
-- A rule alone guards nothing. Redis removes a hash with its last field.
if redis.call('HLEN', KEYS[1]) == 1 then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return more
