-- Read a part of a record that `observe.lua` writes. Tasks may have written anything there: long texts are left out.
--
-- KEYS[1]  hash   <prefix>:!reads:<dag_id>, or <prefix>:!reads; its fields: formats/observed.py
-- ARGV[1]  the number of the first entry, from 0
-- ARGV[2]  the number after the last entry; at most 1,000 more
-- ARGV[3]  the longest name, in bytes
-- ARGV[4]  the longest text of counts, in bytes
-- Returns  {since, reads, size, lost, number of entries that were left out, name, counts; ...}; '' for a missing field
--
-- Cost: O(n) for the number of entries, and for the length of their fields, which workers may write.

local longest_name, longest_counts, longest_head = tonumber(ARGV[3]), tonumber(ARGV[4]), 64
local fields = {'since', 'reads', 'size', 'lost'}
for i = ARGV[1], ARGV[2] - 1 do
  fields[#fields + 1] = '#' .. string.format('%.0f', i)
end
local held = redis.call('HMGET', KEYS[1], unpack(fields))

local found, left_out = {}, 0
for i = 1, 4 do
  found[i] = (held[i] and #held[i] <= longest_head) and held[i] or ''
end
local names, asked = {}, {}
for i = 5, #held do
  if held[i] and #held[i] <= longest_name then
    names[#names + 1] = held[i]
    asked[#asked + 1] = '=' .. held[i]
  elseif held[i] then
    left_out = left_out + 1
  end
end
found[5] = left_out
if #asked > 0 then
  for i, counts in ipairs(redis.call('HMGET', KEYS[1], unpack(asked))) do
    if counts and #counts <= longest_counts then
      found[#found + 1] = names[i]
      found[#found + 1] = counts
    else
      found[5] = found[5] + 1
    end
  end
end
return found
