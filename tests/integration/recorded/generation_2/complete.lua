-- Record that the hash has a mark for every row that Airflow's database has of an XCom key.
--
-- KEYS[1]       hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]       field that says so: '<milliseconds>?<version>' since commit.lua, '<milliseconds>' after this script
-- ARGV[2]       what commit.lua wrote to ARGV[1] before the database was asked. Any change of a row or a value since
--               then has removed it
-- ARGV[3], ...  fields of the marks of the rows' values
-- Returns       1 if the field says so now, else 0
--
-- Cost: O(n) for the length n of all marks that are named, which workers may write. The caller names at most 20,000. A
-- mark is not looked into. The pattern is matched with an argument.

if redis.call('HMGET', KEYS[1], ARGV[1])[1] ~= ARGV[2] then
  return 0
end
for start = 3, #ARGV, 1000 do
  for _, mark in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, start, math.min(start + 999, #ARGV)))) do
    if not mark then
      return 0
    end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], string.match(ARGV[2], '^%d+'))
return 1
