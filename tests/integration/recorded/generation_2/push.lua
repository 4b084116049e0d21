-- Write one XCom: the rule in force and the value, with a TTL. The script writes all of it or nothing.
--
-- KEYS[1]   hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]   field of the rule in force
-- ARGV[2]   the rule in force (canonical JSON)
-- ARGV[3]   field of the value
-- ARGV[4]   the value (envelope)
-- ARGV[5]   ttl_ms, at least 1; from now, for the whole hash
-- ARGV[6]   '1': other values share the hash (the task is mapped); a longer TTL of the hash stays
-- ARGV[7]   the value's version, 32 characters
-- ARGV[8]   field of the value's claim
-- ARGV[9]   '1': the value may be read once only; '' removes the claim field
-- ARGV[10]  field of the value's parts
-- ARGV[11]  how many parts part.lua has written for this version; '0' for a value without parts
-- ARGV[12]  field of the value's mark
-- ARGV[13]  the mark without its time, '<version> <bytes of ARGV[4]>'; '' removes it. A zero before the bytes says that
--           ARGV[18] is not empty
-- ARGV[14]  field of the value's object
-- ARGV[15]  the object's name; '' removes the field
-- ARGV[16]  field that says that the hash has a mark for every row of the key; it is removed with any mark
-- ARGV[17]  field of the value's description
-- ARGV[18]  the description; '' removes the field
-- ARGV[19]  field of the value's own rule, only where the task is mapped
-- ARGV[20]  the value's own rule (canonical JSON), only with ARGV[19]
-- Returns   {the server's time of the push, milliseconds since 1970; 1 if sweep.lua has parts to remove, else 0};
--           nil if parts of this version are missing. Nothing is written then
--
-- Cost: O(n) for the arguments, and for the length n of the value's former fields, which workers may write. Only the field
-- of the parts is matched with a pattern: see part.lua.

local ttl_ms = tonumber(ARGV[5])
if not ttl_ms or ttl_ms < 1 then
  return redis.error_reply('ERR ttl_ms must be at least 1')
end
local version = ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = redis.call('PTTL', KEYS[1])
local held = redis.call('HMGET', KEYS[1], ARGV[8], ARGV[10], ARGV[12])

-- See part.lua.
local longest = 65536
local list = held[2] or ''
if #list > longest then
  list = ''
end
-- The parts of this version become the value's. Parts of all other versions belong to no value any more.
local kept, garbage, parts = {}, 0, false
for state, other, count in string.gmatch(list, '([=+-])(%x+):(%d+)') do
  if other ~= version then
    kept[#kept + 1] = '-' .. other .. ':' .. count
    garbage = 1
  elseif state ~= '-' and count == ARGV[11] then
    parts = '=' .. other .. ':' .. count
  else
    return false
  end
end
if parts then
  kept[#kept + 1] = parts
elseif ARGV[11] ~= '0' then
  return false
end

local fields = {ARGV[1], ARGV[2], ARGV[3], ARGV[4]}
local gone = {}
local function put(field, value)
  if value == '' then
    gone[#gone + 1] = field
  else
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
end
local claim = ''
if ARGV[9] == '1' then
  -- If the hash has this version already, this push is a repetition after a lost reply. A claim made since then stays.
  claim = held[1]
  if not claim or string.sub(claim, 1, #version) ~= version then
    claim = version
  end
end
local mark = ARGV[13]
if mark ~= '' then
  -- The same goes for the mark. A repetition may come late, when the row was written and has changed again. It must not
  -- make the push younger, and it must not bring back a mark that somebody removed.
  if held[3] and string.sub(held[3], 1, #version) == version then
    mark = held[3]
  elseif not held[3] and redis.call('HMGET', KEYS[1], ARGV[3])[1] == ARGV[4] then
    mark = ''
  else
    mark = mark .. ' ' .. string.format('%.0f', now)
  end
end
put(ARGV[8], claim)
put(ARGV[10], table.concat(kept, ' '))
put(ARGV[12], mark)
put(ARGV[14], ARGV[15])
if mark == '' and held[3] then
  put(ARGV[16], '')
end
put(ARGV[17], ARGV[18])
if ARGV[19] then
  put(ARGV[19], ARGV[20])
end

-- The first write must be the one that needs memory. After any other write, Redis lets a script exceed maxmemory. If
-- Redis refuses this write, the script fails here, and the older value and its TTL are untouched.
redis.call('HSET', KEYS[1], unpack(fields))

-- A script is not rolled back. A user who may HSET but not PEXPIRE must not leave a hash that stays for ever. An older
-- hash still has its TTL.
local longest = ttl_ms
if ARGV[6] == '1' and left > ttl_ms then
  longest = left
end
local expiry = redis.pcall('PEXPIRE', KEYS[1], longest)
if type(expiry) == 'table' and expiry.err then
  if left < 0 then
    for i = 1, #fields, 2 do
      redis.call('HDEL', KEYS[1], fields[i])
    end
  end
  return expiry
end

-- This comes after the TTL. If it fails, fields of another version stay. Nobody asks for that version.
if #gone > 0 then
  redis.call('HDEL', KEYS[1], unpack(gone))
end

return {now, garbage}
