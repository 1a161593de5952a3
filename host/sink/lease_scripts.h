/* lease_scripts.h - what a lease does inside of Redis, where it must be done in one: Lua for EVAL. Of lease.c only. */
#ifndef SINK_LEASE_SCRIPTS_H
#define SINK_LEASE_SCRIPTS_H

/* Take or renew. Says whose it is: {"ours" | "others" | "lost", "<epoch> <owner>", ms that it still lasts}.
 * KEYS lease, epoch, last; ARGV owner, TTL, a former owner whose lease may be taken, the epoch we had ("0": none). */
static const char take_script[] = "local held = redis.call('GET', KEYS[1])\n"
                                  "local who = held and string.match(held, '^%d+ (.*)$')\n"
                                  "if held and who == ARGV[1] then\n"
                                  "    redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
                                  "    return {'ours', held, 0}\n"
                                  "end\n"
                                  "local had = tonumber(ARGV[4])\n"
                                  "if held and (had ~= 0 or who ~= ARGV[3]) then\n"
                                  "    return {had ~= 0 and 'lost' or 'others', held, redis.call('PTTL', KEYS[1])}\n"
                                  "end\n"
                                  "if had ~= 0 then\n"
                                  "    local last = redis.call('GET', KEYS[3])\n"
                                  "    if last and string.match(last, '^%d+ (.*)$') ~= ARGV[1] then\n"
                                  "        return {'lost', last, 0}\n"
                                  "    end\n"
                                  "end\n"
                                  "local epoch = redis.call('INCR', KEYS[2])\n"
                                  "if epoch <= had then\n"
                                  "    epoch = had + 1\n" /* the server has lost its count */
                                  "    redis.call('SET', KEYS[2], epoch)\n"
                                  "end\n"
                                  "local mark = epoch .. ' ' .. ARGV[1]\n"
                                  "redis.call('SET', KEYS[3], mark)\n"
                                  "redis.call('SET', KEYS[1], mark, 'PX', ARGV[2])\n"
                                  "return {'ours', mark, 0}\n";

/* What is entered in KEYS[2], if KEYS[1] is ARGV[1]; else nil. */
static const char connections_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end\n"
                                         "return redis.call('HGETALL', KEYS[2])\n";

/* The fence KEYS[2], if KEYS[1] is ARGV[1], else nil: {partition, offset, ...}, and one field a partition is left of it.
 * Offsets are compared as text: Lua's numbers lose digits from 2^53 on. */
static const char fence_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end\n"
                                   "local all, most, order = redis.call('HGETALL', KEYS[2]), {}, {}\n"
                                   "for i = 1, #all, 2 do\n"
                                   "    local p, offset = string.match(all[i], '^(%w+)/%d+$'), all[i + 1]\n"
                                   "    if p and string.match(offset, '^%d+$') then\n"
                                   "        local m = most[p]\n"
                                   "        if not m then order[#order + 1] = p end\n"
                                   "        if not m or #offset > #m or (#offset == #m and offset > m) then\n"
                                   "            most[p] = offset\n"
                                   "        end\n"
                                   "    end\n"
                                   "end\n"
                                   "for i = 1, #all, 2 do\n"
                                   "    local p = string.match(all[i], '^(%w+)/%d+$')\n"
                                   "    if p and most[p] and all[i] ~= p .. '/0' then\n"
                                   "        redis.call('HDEL', KEYS[2], all[i])\n"
                                   "    end\n"
                                   "end\n"
                                   "local found = {}\n"
                                   "for _, p in ipairs(order) do\n"
                                   "    redis.call('HSET', KEYS[2], p .. '/0', most[p])\n"
                                   "    found[#found + 1] = p\n"
                                   "    found[#found + 1] = most[p]\n"
                                   "end\n"
                                   "return found\n";

/* Delete KEYS[1] if it is of the owner ARGV[1]. */
static const char release_script[] = "local held = redis.call('GET', KEYS[1])\n"
                                     "if held and string.match(held, '^%d+ (.*)$') == ARGV[1] then\n"
                                     "    return redis.call('DEL', KEYS[1])\n"
                                     "end\n"
                                     "return 0\n";

#endif
