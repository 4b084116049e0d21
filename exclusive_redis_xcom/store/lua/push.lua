-- Write one XCom in generation 3 (formats/redis_names.py): the rule in force and the value, with a TTL. The script writes
-- all of it or nothing.
--
-- KEYS[1]   hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]   field of the rule in force
-- ARGV[2]   the rule in force (JSON or packed)
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
-- ARGV[13]  the mark without its time (formats/mark.py); '' removes it
-- ARGV[14]  field of the value's object
-- ARGV[15]  the object's name; '' removes the field
-- ARGV[16]  field that says that the hash has a mark for every row of the key; it is removed with any mark
-- ARGV[17]  field of the value's description
-- ARGV[18]  the description; '' removes the field
-- ARGV[19]  field of the value's own rule
-- ARGV[20]  the value's own rule, packed, with 4 bytes of length before it; '' where the task is not mapped
-- ARGV[21]  field of the rules that values name by digest (formats/shared_rules.py)
-- ARGV[22]  '1': the value names its rule by digest, so the rule may stand in ARGV[21]
-- Returns   {the server's time of the push, milliseconds since 1970; 1 if sweep.lua has parts to remove, else 0};
--           nil if parts of this version are missing. Nothing is written then
--
-- Cost: O(n) for the arguments, and for the length n of the value's former fields and of ARGV[21], which workers may write.
-- Only the field of the parts is matched with a pattern: see part.lua. An entry of ARGV[21] is compared only with one of
-- the same length, so each byte is read once.

local ttl_ms = tonumber(ARGV[5])
if not ttl_ms or ttl_ms < 1 then
  return redis.error_reply('ERR ttl_ms must be at least 1')
end
local version = ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = redis.call('PTTL', KEYS[1])
local held = redis.call('HMGET', KEYS[1], ARGV[8], ARGV[10], ARGV[12], ARGV[21])

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

-- The rules of a hash are few. Where they are not, as where each result's keys decide, a value has its own.
local most_rules, few_fields, short_field = 4096, 48, 64
local function with_rule(rules, rule)
  local at = 1
  while at + 3 <= #rules do
    local a, b, c, d = string.byte(rules, at, at + 3)
    local length = ((a * 256 + b) * 256 + c) * 256 + d + 4
    if length == #rule and string.sub(rules, at, at + length - 1) == rule then
      return rules
    end
    at = at + length
  end
  if at == #rules + 1 and (rules == '' or #rules + #rule <= most_rules) then
    return rules .. rule
  end
  return false
end
local own_rule = string.sub(ARGV[20], 5)
if ARGV[20] ~= '' and ARGV[22] == '1' then
  local rules = held[4] or ''
  local longer = with_rule(rules, ARGV[20])
  if longer then
    own_rule = ''
  end
  -- Redis searches a hash of short fields from its beginning, for each field that is asked for. That saves memory where
  -- there are few values. Where there are more, an entry of zeros, longer than such fields may be, ends it.
  if longer and #longer <= short_field and redis.call('HLEN', KEYS[1]) > few_fields then
    longer = longer .. '\0\0\0' .. string.char(short_field) .. string.rep('\0', short_field)
  end
  if longer and longer ~= rules then
    put(ARGV[21], longer)
  end
end

local mark = ARGV[13]
if mark ~= '' then
  local flags = string.byte(mark, 2)
  if own_rule ~= '' then
    flags = flags + 1
  end
  -- The same goes for the mark. A repetition may come late, when the row was written and has changed again. It must not
  -- make the push younger, and it must not bring back a mark that somebody removed.
  local begin, rest = string.sub(mark, 1, 1), string.sub(mark, 3)
  if held[3] and string.sub(held[3], 1, 1) == begin and string.sub(held[3], 3, 18) == string.sub(mark, 3, 18) then
    mark = begin .. string.char(flags) .. string.sub(held[3], 3)
  elseif not held[3] and redis.call('HMGET', KEYS[1], ARGV[3])[1] == ARGV[4] then
    mark = ''
  else
    local bytes, left_of = {}, now
    for i = 6, 1, -1 do
      bytes[i] = left_of % 256
      left_of = math.floor(left_of / 256)
    end
    mark = begin .. string.char(flags) .. rest .. string.char(unpack(bytes))
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
if ARGV[6] == '1' then
  put(ARGV[19], own_rule)
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
