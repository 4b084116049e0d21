-- Do to a hash what marks and beats do, and remove the hash again. Nothing stays in Redis.
--
-- The removal comes first. A user who lacks that right stops there, before anything is written.
--
-- KEYS[1]  hash  a name that is not in use
-- Returns 1.
--
-- Cost: O(1). Nobody else knows the name of the hash.

redis.call('TIME')
redis.call('HMGET', KEYS[1], 'field')
redis.call('HDEL', KEYS[1], 'field')
redis.call('PEXPIRE', KEYS[1], 1000)
redis.call('HSET', KEYS[1], 'field', '')
return redis.call('HDEL', KEYS[1], 'field')
