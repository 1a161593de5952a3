/* hash.c - see hash.h. */
#define XXH_INLINE_ALL /* of eight bytes a dozen instructions are left of it */
#include "base/hash.h"

#include "base/time.h"

#include <sys/random.h>
#include <unistd.h>

uint64_t hash_secret;

uint64_t hash_place_number(uint64_t number) { return hash_place(&number, sizeof number); }

void hash_secret_make(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) /* early after boot: better than nothing */
        number = (uint64_t)time_monotonic_ms() * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
    hash_secret = number;
}
