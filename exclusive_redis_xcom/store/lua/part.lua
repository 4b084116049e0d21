-- Write one part of a value that is too large for one field. push.lua makes the value of the parts.
--
-- Parts are written in order. A second run writes the same again. Redis takes long to hand a part to a script. So an
-- HSET in the same transaction may write the part before this script runs.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]  field of the rule in force. A hash without it holds no value, only parts of a value to come
-- ARGV[2]  field of the value's parts
-- ARGV[3]  the value's version, 32 characters
-- ARGV[4]  number of the part, from 0
-- ARGV[5]  field of the part
-- ARGV[6]  ttl_ms of a hash that holds no value, from now
-- ARGV[7]  the part, unless it was written just before
-- Returns  how many parts of this version there are, from 0 on and without a gap. If that is no more than ARGV[4],
--          other parts were removed, and this part was not kept. -1 if this version is being removed with this part
--
-- Cost: O(n) for the part, and for the length n of the field of the parts, which workers may write. The pattern begins
-- with a sign that no later piece of it takes. So each entry is read once. A field that is too long counts as empty.

-- The field has some 40 characters for each push that is under way or was interrupted.
local longest = 65536

local function write()
  local held = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2])
  local list = held[2] or ''
  if #list > longest then
    list = ''
  end
  local number = tonumber(ARGV[4])
  local entries, state, count = {}, '+', 0
  for sign, other, parts in string.gmatch(list, '([=+-])(%x+):(%d+)') do
    if other == ARGV[3] then
      state, count = sign, tonumber(parts)
    else
      entries[#entries + 1] = sign .. other .. ':' .. parts
    end
  end
  if state == '-' or number > count then
    if not ARGV[7] then
      redis.call('HDEL', KEYS[1], ARGV[5])
    end
    return state == '-' and -1 or count
  end
  count = math.max(count, number + 1)
  entries[#entries + 1] = state .. ARGV[3] .. ':' .. count

  local left = redis.call('PTTL', KEYS[1])
  -- The first write must be the one that needs memory, see push.lua.
  local fields = {ARGV[2], table.concat(entries, ' ')}
  if ARGV[7] then
    fields[3], fields[4] = ARGV[5], ARGV[7]
  end
  redis.call('HSET', KEYS[1], unpack(fields))
  -- A hash with values keeps its TTL. If the TTL ends before the push does, the parts are written again.
  if left < 0 or not held[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[6])
  end
  return count
end

local done, answer = pcall(write)
if not done then
  -- The user may have the right to HSET but not to PEXPIRE, for example. A hash must not stay for ever.
  redis.call('HDEL', KEYS[1], ARGV[5])
  if redis.call('HLEN', KEYS[1]) == 1 then
    redis.call('HDEL', KEYS[1], ARGV[2])
  end
  return type(answer) == 'table' and answer or redis.error_reply(answer)
end
return answer
