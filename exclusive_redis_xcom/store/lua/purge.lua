-- Remove one XCom. The last XCom of a hash takes the whole hash with it.
--
-- KEYS[1]       hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]       field of the rule in force
-- ARGV[2]       field of the value
-- ARGV[3]       field of the value's parts
-- ARGV[4]       field of the rules that values name
-- ARGV[5], ...  all other fields of the value
-- Returns       {1 if there was a value, else 0; 1 if sweep.lua has parts to remove, else 0}
--
-- Cost: O(n) for the length n of what is removed, and of the fields of parts and rules, which workers may write: see
-- part.lua.

local removed = redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[1], unpack(ARGV, 5))

local longest = 65536
local list = redis.call('HMGET', KEYS[1], ARGV[3])[1]
if list and #list > longest then
  redis.call('HDEL', KEYS[1], ARGV[3])
elseif list then
  redis.call('HSET', KEYS[1], ARGV[3], (string.gsub(list, '[=+-](%x+:%d+)', '-%1')))
  return {removed, 1}
end
-- Rules alone guard nothing. Redis removes a hash with its last field.
local fields = redis.call('HLEN', KEYS[1])
if fields == 1 or fields == 2 then
  local rules = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[4])
  if fields == (rules[1] and 1 or 0) + (rules[2] and 1 or 0) then
    redis.call('HDEL', KEYS[1], ARGV[1], ARGV[4])
  end
end
return {removed, 0}
