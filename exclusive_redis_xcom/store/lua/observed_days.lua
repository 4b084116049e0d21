-- Read the days of a record that `observe.lua` writes. Tasks may have written anything there: a long text is left out.
--
-- KEYS[1]  hash   <prefix>:!reads:<dag_id>; its fields: formats/observed.py
-- ARGV[1]  the longest text, in bytes
-- Returns  the text; '' if there is none
--
-- Cost: O(n) for the length of the field, which workers may write.

local text = redis.call('HMGET', KEYS[1], 'days')[1]
return (text and #text <= tonumber(ARGV[1])) and text or ''
