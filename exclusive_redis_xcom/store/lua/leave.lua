-- Record that an API server stops in an orderly way. It will change no more rows.
--
-- KEYS[1]  hash   <prefix>:!servers
-- ARGV[1]  field of the servers, see beat.lua
-- ARGV[2]  the API server's id
-- Returns  1 if the server was in the field, else 0
--
-- Cost: O(n) for the length of the field, which workers may write, as in beat.lua.

local longest = 65536
local text = redis.call('HMGET', KEYS[1], ARGV[1])[1] or ''
local kept, left = {}, 0
local from, to = 1, #text <= longest and string.find(text, ';', 1, true)
while to do
  local entry = string.sub(text, from, to)
  if string.sub(entry, 1, #ARGV[2] + 1) == ARGV[2] .. ' ' then
    left = 1
  else
    kept[#kept + 1] = entry
  end
  from, to = to + 1, string.find(text, ';', to + 1, true)
end
if left == 1 then
  kept[#kept + 1] = string.sub(text, from)
  redis.call('HSET', KEYS[1], ARGV[1], table.concat(kept))
end
return left
