-- Airflow's database has rows of an XCom key for some map_indexes, and no others: say that the hash knows all of them.
--
-- KEYS[1]       hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]       field that says so: '<milliseconds>?<version>' since commit.lua, '<milliseconds>' after this
-- ARGV[2]       what commit.lua wrote there, before the database was asked; whatever has happened to a row or a value
--               since then has removed it
-- ARGV[3], ...  fields of the marks of the rows' values
-- Returns       1 if it is said now, else 0

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
