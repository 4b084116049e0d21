-- Airflow's database now refers to a version of one XCom: say so in the XCom's mark, or remove the mark.
--
-- Run again it answers the same and changes nothing.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]  field of the value's mark: '<version> <bytes> <time of the push>' before this, and after it with the time of
--          this: '<version> <bytes> <time of the push> <time of the first commit>'; milliseconds since 1970
-- ARGV[2]  the version, 32 characters; '' if the database refers to no version
-- ARGV[3]  field that says that the hash has a mark for every row of the key
-- ARGV[4]  '1' where the task is mapped, else ''
-- Returns  1 if the value in the hash is the one referred to and marked so, else 0. In place of 1 the text that is now
--          in ARGV[3], '<milliseconds>?<version>', where nobody knows whether all rows of a mapped task have marks: find
--          out, then run complete.lua

-- Milliseconds after which somebody who wanted to find out is not waited for any longer.
local patience = 5000

local mark = redis.call('HMGET', KEYS[1], ARGV[1])[1] or ''
local pending, completed = string.find(mark, '^%x+ %d+ %d+$'), string.find(mark, '^%x+ %d+ %d+ %d+$')
if ARGV[2] == '' or string.sub(mark, 1, 32) ~= ARGV[2] or not (pending or completed) then
  -- A row of which the hash does not know.
  redis.call('HDEL', KEYS[1], ARGV[1], ARGV[3])
  return 0
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local fields = {}
if pending then
  fields = {ARGV[1], mark .. ' ' .. string.format('%.0f', now)}
end
local doubt = false
if ARGV[4] == '1' then
  local complete = redis.call('HMGET', KEYS[1], ARGV[3])[1] or '0?'
  local since = tonumber(string.match(complete, '^(%d+)%?'))
  if since and math.abs(now - since) > patience then
    -- The version tells searches of the same millisecond apart.
    doubt = string.format('%.0f?', now) .. ARGV[2]
    fields[#fields + 1], fields[#fields + 2] = ARGV[3], doubt
  end
end
if #fields > 0 then
  local written = redis.pcall('HSET', KEYS[1], unpack(fields))
  if type(written) == 'table' and written.err then
    -- Full: the mark stays as it was, which promises nothing.
    if string.find(written.err, 'OOM', 1, true) then
      return 0
    end
    return written
  end
end
return doubt or 1
