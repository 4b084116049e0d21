-- Airflow's database now refers to a version of one XCom: say so in the XCom's mark, or remove the mark.
--
-- Run again it answers the same and changes nothing.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]  field of the value's mark: '<version> <bytes> <time of the push>' before this, and after it with the time of
--          this: '<version> <bytes> <time of the push> <time of the first commit>'; milliseconds since 1970
-- ARGV[2]  the version, 32 characters; '' if the database refers to no version
-- Returns  1 if the value in the hash is the one referred to and marked so, else 0

local mark = redis.call('HMGET', KEYS[1], ARGV[1])[1]
if not mark then
  return 0
end
local pending, completed = string.find(mark, '^%x+ %d+ %d+$'), string.find(mark, '^%x+ %d+ %d+ %d+$')
if ARGV[2] == '' or string.sub(mark, 1, 32) ~= ARGV[2] or not (pending or completed) then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 0
end
if completed then
  return 1
end
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local written = redis.pcall('HSET', KEYS[1], ARGV[1], mark .. ' ' .. string.format('%.0f', at))
if type(written) == 'table' and written.err then
  -- Full: the mark stays as it was, which promises nothing.
  if string.find(written.err, 'OOM', 1, true) then
    return 0
  end
  return written
end
return 1
