-- Claim read-once values of one hash for one task instance: all of them, or none.
--
-- If the same claimer runs it again, as after a lost reply, it grants again.
--
-- KEYS[1]  hash   <prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>
-- ARGV[1]  the claimer (canonical JSON), not empty
-- ARGV[2], ARGV[3]; ARGV[4], ARGV[5]; ...  field of a value's claim and that value's version, 32 characters
-- Returns  for each value, the claimer who has it now; '' if nobody has it, nil if this version is gone
--
-- Cost: O(n) for the length n of all claims, which workers may write. The caller asks for at most 1024 claims at once. No
-- pattern is matched. At most 16 KiB of a claim is compared and returned.

local version_length = 32
-- No claimer is as long as this. A longer one was not written by this package, and is not handed out whole.
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

-- This is the only write, and its fields exist. If memory is short, it fails with nothing claimed. The hash keeps its
-- TTL.
if not refused and #grants > 0 then
  redis.call('HSET', KEYS[1], unpack(grants))
  for i, holder in ipairs(holders) do
    if holder == '' then
      holders[i] = ARGV[1]
    end
  end
end
return holders
