-- Write one XCom: the rule in force and the value, with a TTL, or nothing at all.
--
-- KEYS[1]   hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]   field of the rule in force
-- ARGV[2]   the rule in force (canonical JSON)
-- ARGV[3]   field of the value
-- ARGV[4]   the value (envelope)
-- ARGV[5]   ttl_ms, at least 1; from now, for the whole hash
-- ARGV[6]   '1': other values share the hash (the task is mapped), and a longer TTL that it has stays
-- ARGV[7]   field of the value's claim
-- ARGV[8]   the value's version where it may be read once only; '' removes the claim field
-- ARGV[9]   field of the value's own rule, only where the task is mapped
-- ARGV[10]  the value's own rule (canonical JSON), with ARGV[9]
-- Returns   the server's time of the push, milliseconds since 1970

local ttl_ms = tonumber(ARGV[5])
if not ttl_ms or ttl_ms < 1 then
  return redis.error_reply('ERR ttl_ms must be at least 1')
end
local now = redis.call('TIME')
local left = redis.call('PTTL', KEYS[1])
local once = ARGV[8] ~= ''

local fields = {ARGV[1], ARGV[2], ARGV[3], ARGV[4]}
if once then
  -- The same version again is this very push, repeated because its reply was lost: a claim made since then stays.
  local claim = redis.call('HMGET', KEYS[1], ARGV[7])[1]
  if not claim or string.sub(claim, 1, #ARGV[8]) ~= ARGV[8] then
    claim = ARGV[8]
  end
  fields[5] = ARGV[7]
  fields[6] = claim
end
if ARGV[9] then
  fields[#fields + 1] = ARGV[9]
  fields[#fields + 1] = ARGV[10]
end

-- The first write must be the one that needs memory: after any other, Redis lets a script go over maxmemory. Refused,
-- it fails the script here, and the older value and its TTL are untouched.
redis.call('HSET', KEYS[1], unpack(fields))

-- A script is not rolled back. A user who may HSET but not PEXPIRE must not leave a hash that stays for ever; an older
-- hash still has its TTL.
local longest = ttl_ms
if ARGV[6] == '1' and left > ttl_ms then
  longest = left
end
local expiry = redis.pcall('PEXPIRE', KEYS[1], longest)
if type(expiry) == 'table' and expiry.err then
  if left < 0 then
    redis.call('HDEL', KEYS[1], ARGV[1], ARGV[3], ARGV[7], ARGV[9] or ARGV[3])
  end
  return expiry
end

-- After the TTL: should this fail, what stays is the claim of another version, which nobody asks for.
if not once then
  redis.call('HDEL', KEYS[1], ARGV[7])
end

return now[1] * 1000 + math.floor(now[2] / 1000)
