-- Claim read-once values of one hash for one task instance: all of them, or none.
--
-- Run again by the same claimer, as after a lost reply, it grants again.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]  the claimer (canonical JSON), not empty
-- ARGV[2], ARGV[3]; ARGV[4], ARGV[5]; ...  field of a value's claim and that value's version, 32 characters
-- Returns  per value  the claimer who has it now, '' if nobody has, nil if this version is gone

local version_length = 32
-- No claimer is as long as this; a longer one was not written here, and is not handed out whole.
local claimer_length = 16384
local fields = {}
for i = 2, #ARGV, 2 do
  fields[#fields + 1] = ARGV[i]
end
local held = redis.call('HMGET', KEYS[1], unpack(fields))

local holders = {}
local grants = {}
local refused = false
for i, claim in ipairs(held) do
  local version = ARGV[2 * i + 1]
  local holder = false
  if claim and string.sub(claim, 1, version_length) == version then
    holder = string.sub(claim, version_length + 1, version_length + claimer_length)
  end
  holders[i] = holder
  if holder == '' then
    grants[#grants + 1] = fields[i]
    grants[#grants + 1] = version .. ARGV[1]
  elseif holder ~= ARGV[1] then
    refused = true
  end
end

-- The only write, and of existing fields: out of memory it fails with nothing claimed, and the hash keeps its TTL.
if not refused and #grants > 0 then
  redis.call('HSET', KEYS[1], unpack(grants))
  for i, holder in ipairs(holders) do
    if holder == '' then
      holders[i] = ARGV[1]
    end
  end
end
return holders
