-- Count reads and refusals in a record for people. Nothing decides by this record.
--
-- KEYS[1]  hash   <prefix>:!reads:<dag_id>, or <prefix>:!reads for the list of DAGs; its fields: formats/observed.py
-- ARGV[1]  ttl_ms of the hash, from now
-- ARGV[2]  the most entries
-- ARGV[3]  the longest name, in bytes
-- ARGV[4]  pause_ms: nothing is written if the first name was counted less than so many milliseconds ago
-- ARGV[5], ARGV[6], ARGV[7]; ...  an entry's name, the kind, and how many to add. A negative number takes back
-- Returns  1 if something was written, else 0
--
-- The script never fails. It runs among the commands of a pull, and a record that cannot be written must not end it.
--
-- Cost: O(n) for the length n of the arguments and of the fields that they name. Workers may write longer fields than
-- this script does. Such a field is read once: the script then writes it anew, or deletes it.

local longest_counts, longest_head, most_digits = 1024, 64, 15
local longest_days, days_kept, most_of_day = 1024, 30, 999999999
local ttl_ms, most, longest_name, pause_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local function failed(reply)
  return type(reply) == 'table' and reply.err
end
local time = redis.pcall('TIME')
if failed(time) then
  return 0
end
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function digits(number)
  return string.format('%.0f', number)
end
local function number(text)
  if text and #text <= most_digits and string.match(text, '^%d+$') then
    return tonumber(text)
  end
end

local fields, place = {'since', 'reads', 'size', 'lost', 'days'}, {}
for i = 5, #ARGV, 3 do
  local field = '=' .. ARGV[i]
  if not place[field] then
    fields[#fields + 1] = field
    place[field] = #fields
  end
end
local held = redis.pcall('HMGET', KEYS[1], unpack(fields))
if failed(held) then
  return 0
end
for i = 1, 5 do
  if held[i] and #held[i] > (i == 5 and longest_days or longest_head) then
    held[i] = false
    redis.pcall('HDEL', KEYS[1], fields[i])
  end
end
local size = number(held[3]) or 0
local lost = 0
local words = {}

-- Returns the other kinds' words, and the count and the time of this kind.
local function taken_out(text, kind)
  local others, count, last = {}, 0, false
  for part in string.gmatch(text, '%S+') do
    local word, counted, at = string.match(part, '^([%l_]+):(%d+):(%d+)$') -- without '^', the time is quadratic
    if word == kind then
      count, last = number(counted) or 0, number(at)
    elseif word then
      others[#others + 1] = part
    end
  end
  return others, count, last
end

-- Counts refusals, and would-be refusals, under the day of Redis' clock. Returns the days that are kept.
local function with_day(text, refused, would_refuse)
  local today, kept = math.floor(now / 86400000), {}
  for part in string.gmatch(text, '%S+') do
    local day, counted, would = string.match(part, '^(%d+):(%d+):(%d+)$')
    day, counted, would = number(day), number(counted), number(would)
    if day == today and counted and would then
      refused, would_refuse = refused + counted, would_refuse + would
    elseif day and counted and would and day < today and day > today - days_kept and #kept < days_kept then
      kept[#kept + 1] = part
    end
  end
  kept[#kept + 1] = digits(today) .. ':' .. digits(math.min(refused, most_of_day))
    .. ':' .. digits(math.min(would_refuse, most_of_day))
  return table.concat(kept, ' ')
end

local written = {}
local refused, would_refuse = 0, 0
for i = 5, #ARGV, 3 do
  local field, kind, by = '=' .. ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  if kind == 'would_refuse' then
    would_refuse = would_refuse + math.max(by, 0)
  elseif kind ~= 'read' and kind ~= 'listed' then
    refused = refused + math.max(by, 0)
  end
  local text = words[field]
  if text == nil then
    text = held[place[field]]
    if text and #text > longest_counts then
      text = ''
    end
  end
  if not text and by > 0 then
    if size < most and #ARGV[i] <= longest_name then
      written[#written + 1] = '#' .. digits(size)
      written[#written + 1] = ARGV[i]
      size = size + 1
      text = ''
    else
      lost = lost + by
    end
  end
  if text then
    local others, count, last = taken_out(text, kind)
    if i == 5 and pause_ms > 0 and last and math.abs(now - last) < pause_ms then
      return 0
    end
    count = math.min(math.max(count + by, 0), 999999999999999)
    if by > 0 then
      last = now
    end
    if count > 0 and last then
      others[#others + 1] = kind .. ':' .. digits(count) .. ':' .. digits(last)
    end
    words[field] = table.concat(others, ' ')
    if kind == 'read' and by > 0 and not number(held[2]) then
      held[2] = digits(now)
      written[#written + 1] = 'reads'
      written[#written + 1] = held[2]
    end
  end
end
for field, text in pairs(words) do
  written[#written + 1] = field
  written[#written + 1] = text
end
if lost > 0 then
  local before = number(held[4] and string.match(held[4], '^(%d+) ')) or 0
  written[#written + 1] = 'lost'
  written[#written + 1] = digits(math.min(before + lost, 999999999999999)) .. ' ' .. digits(now)
end
if refused + would_refuse > 0 then
  written[#written + 1] = 'days'
  written[#written + 1] = with_day(held[5] or '', refused, would_refuse)
end
if #written == 0 then
  return 0
end
written[#written + 1] = 'size'
written[#written + 1] = digits(size)
local is_new = not number(held[1])
if is_new then
  written[#written + 1] = 'since'
  written[#written + 1] = digits(now)
end

if failed(redis.pcall('HSET', KEYS[1], unpack(written))) then
  return 0
end
-- A user who may HSET but not PEXPIRE must not leave a hash that stays for ever. An older hash still has its TTL.
if failed(redis.pcall('PEXPIRE', KEYS[1], ttl_ms)) and is_new then
  for i = 1, #written, 2 do
    redis.pcall('HDEL', KEYS[1], written[i])
  end
  return 0
end
return 1
