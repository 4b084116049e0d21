-- Record in an XCom's mark that Airflow's database now refers to a version of this XCom, or remove the mark.
--
-- A second run answers the same and changes nothing.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]  field of the value's mark (formats/mark.py). The script appends the time of the first commit
-- ARGV[2]  the version, 32 characters; '' if the database refers to no version
-- ARGV[3]  field that says that the hash has a mark for every row of the key
-- ARGV[4]  '1' where the task is mapped, else ''
-- Returns  1 if the database refers to the value in the hash and its mark now says so, else 0. If nobody knows whether
--          all rows of a mapped task have marks, it returns the text that it wrote to ARGV[3] in place of 1:
--          '<milliseconds>?<version>'. The caller finds out, and then runs complete.lua
--
-- Cost: O(n) for the length n of the two fields, which workers may write. Each pattern begins at the first character, and
-- no two neighbours in it take the same character. So nothing is read twice. A mark that no push writes is removed.

-- Somebody who wanted to find out has so many milliseconds. After that, the next caller does it.
local patience = 5000

local longest = 256
local mark = redis.call('HMGET', KEYS[1], ARGV[1])[1] or ''
if #mark > longest then
  mark = ''
end
local version, pending, completed
local is_packed = string.byte(mark) == 3
if is_packed then
  version = string.gsub(string.sub(mark, 3, 18), '.', function(sign)
    return string.format('%02x', string.byte(sign))
  end)
  pending, completed = #mark == 28, #mark == 34
else
  version = string.sub(mark, 1, 32)
  pending, completed = string.find(mark, '^%x+ %d+ %d+$'), string.find(mark, '^%x+ %d+ %d+ %d+$')
end
if ARGV[2] == '' or version ~= ARGV[2] or not (pending or completed) then
  -- The hash does not know what this row refers to.
  redis.call('HDEL', KEYS[1], ARGV[1], ARGV[3])
  return 0
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = {}
if pending and is_packed then
  local bytes, left = {}, now
  for i = 6, 1, -1 do
    bytes[i] = left % 256
    left = math.floor(left / 256)
  end
  fields = {ARGV[1], mark .. string.char(unpack(bytes))}
elseif pending then
  fields = {ARGV[1], mark .. ' ' .. string.format('%.0f', now)}
end
local doubt = false
if ARGV[4] == '1' then
  local complete = redis.call('HMGET', KEYS[1], ARGV[3])[1] or '0?'
  local since = tonumber(string.match(string.sub(complete, 1, longest), '^(%d+)%?'))
  if since and math.abs(now - since) > patience then
    -- The version tells searches of the same millisecond apart.
    doubt = string.format('%.0f?', now) .. ARGV[2]
    fields[#fields + 1], fields[#fields + 2] = ARGV[3], doubt
  end
end
if #fields > 0 then
  local written = redis.pcall('HSET', KEYS[1], unpack(fields))
  if type(written) == 'table' and written.err then
    -- Redis is full. The mark stays as it was, and that promises nothing.
    if string.find(written.err, 'OOM', 1, true) then
      return 0
    end
    return written
  end
end
return doubt or 1
