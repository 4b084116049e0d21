-- Record that an API server stops in an orderly way. It will change no more rows.
--
-- KEYS[1]  hash   <prefix>:!servers
-- ARGV[1]  field of the servers, see beat.lua
-- ARGV[2]  the API server's id
-- Returns  1 if the server was in the field, else 0

local held = redis.call('HMGET', KEYS[1], ARGV[1])[1] or ''
local left = string.gsub(held, ARGV[2] .. ' %d+ %-?%d+;', '')
if left == held then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], left)
return 1
