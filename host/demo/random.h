/* random.h - reproducible chance: one 64-bit state, integers only.
 *
 * Every part of the simulation that must not disturb another (behaviour, delivery, dirt) has a stream of its own, so that
 * changing the share of late events leaves the shoppers' behaviour as it was. No floating point and no libm: the same seed
 * gives the same bytes on every machine. */
#ifndef DEMO_RANDOM_H
#define DEMO_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

struct uuid {
    uint64_t high, low;
};

#define MILLION 1000000u

/* A well-mixed 64-bit value of two numbers: traits of shopper 17 are random_mix(seed, 17). */
static inline uint64_t random_mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9e3779b97f4a7c15u * (b + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t random_next(struct random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return random_mix(random->state, 0);
}

/* 0 ... limit - 1; limit > 0. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
    return (uint32_t)(((random_next(random) >> 32) * limit) >> 32);
}

/* from ... to, both included. */
static inline int64_t random_between(struct random *random, int64_t from, int64_t to)
{
    uint64_t span = (uint64_t)(to - from) + 1;
    if (span <= UINT32_MAX)
        return from + (int64_t)random_below(random, (uint32_t)span);
    return from + (int64_t)(random_next(random) % span);
}

static inline bool random_chance(struct random *random, uint32_t per_million)
{
    return random_below(random, MILLION) < per_million;
}
static inline bool random_percent(struct random *random, uint32_t percent) { return random_below(random, 100) < percent; }

/* A version 4 UUID. */
static inline struct uuid uuid_of(uint64_t high, uint64_t low)
{
    return (struct uuid){(high & ~0xf000ull) | 0x4000u, (low & ~(3ull << 62)) | 2ull << 62};
}
static inline struct uuid random_uuid(struct random *random)
{
    uint64_t high = random_next(random);
    return uuid_of(high, random_next(random));
}
static inline bool uuid_is_set(struct uuid uuid) { return (uuid.high | uuid.low) != 0; }

#endif
