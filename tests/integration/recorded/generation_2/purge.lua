-- Remove one XCom. The last XCom of a hash takes the whole hash with it.
--
-- KEYS[1]       hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>; its fields: formats/redis_names.py
-- ARGV[1]       field of the rule in force
-- ARGV[2]       field of the value
-- ARGV[3]       field of the value's parts
-- ARGV[4], ...  all other fields of the value
-- Returns       {1 if there was a value, else 0; 1 if sweep.lua has parts to remove, else 0}
--
-- Cost: O(n) for the length n of what is removed, and of the field of the parts, which workers may write: see part.lua.

local removed = redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[1], unpack(ARGV, 4))

local longest = 65536
local list = redis.call('HMGET', KEYS[1], ARGV[3])[1]
if list and #list > longest then
  redis.call('HDEL', KEYS[1], ARGV[3])
elseif list then
  redis.call('HSET', KEYS[1], ARGV[3], (string.gsub(list, '[=+-](%x+:%d+)', '-%1')))
  return {removed, 1}
end
-- A rule alone guards nothing. Redis removes a hash with its last field.
if redis.call('HLEN', KEYS[1]) == 1 then
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return {removed, 0}
