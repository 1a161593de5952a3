"""XXH3_64bits (seed 0) of up to 240 bytes, in plain Python.

The order of a log is (event time, XXH3_64bits of event_id), so whoever recomputes a log has to agree on this hash. Only
what event ids need is here: no seed, no custom secret, nothing longer than 240 bytes. The algorithm is the one published
with xxHash 0.8; its default secret is `SECRET`.
"""

MASK_32 = 0xFFFFFFFF
MASK_64 = 0xFFFFFFFFFFFFFFFF

PRIME32_1 = 0x9E3779B1
PRIME32_2 = 0x85EBCA77
PRIME32_3 = 0xC2B2AE3D
PRIME64_1 = 0x9E3779B185EBCA87
PRIME64_2 = 0xC2B2AE3D27D4EB4F
PRIME64_3 = 0x165667B19E3779F9
PRIME_MX1 = 0x165667919E3779F9
PRIME_MX2 = 0x9FB21C651E98DF25

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def _read32(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def _read64(data, at):
    return int.from_bytes(data[at : at + 8], "little")


def _fold_product(left, right):
    """The 128-bit product of two 64-bit numbers, its halves xored."""
    product = left * right
    return (product & MASK_64) ^ (product >> 64)


def _swap64(number):
    return int.from_bytes(number.to_bytes(8, "little"), "big")


def _rotate64(number, by):
    return ((number << by) | (number >> (64 - by))) & MASK_64


def _avalanche_xxh64(number):
    number ^= number >> 33
    number = number * PRIME64_2 & MASK_64
    number ^= number >> 29
    number = number * PRIME64_3 & MASK_64
    return number ^ (number >> 32)


def _avalanche(number):
    number ^= number >> 37
    number = number * PRIME_MX1 & MASK_64
    return number ^ (number >> 32)


def _mix16(data, at, secret_at):
    return _fold_product(
        _read64(data, at) ^ _read64(SECRET, secret_at), _read64(data, at + 8) ^ _read64(SECRET, secret_at + 8)
    )


def _hash_1_to_3(data):
    size = len(data)
    combined = (data[0] << 16) | (data[size >> 1] << 24) | data[size - 1] | (size << 8)
    return _avalanche_xxh64(combined ^ (_read32(SECRET, 0) ^ _read32(SECRET, 4)))


def _hash_4_to_8(data):
    size = len(data)
    number = (_read32(data, size - 4) + (_read32(data, 0) << 32)) & MASK_64
    number ^= _read64(SECRET, 8) ^ _read64(SECRET, 16)
    number ^= _rotate64(number, 49) ^ _rotate64(number, 24)
    number = number * PRIME_MX2 & MASK_64
    number ^= (number >> 35) + size
    number = number * PRIME_MX2 & MASK_64
    return number ^ (number >> 28)


def _hash_9_to_16(data):
    size = len(data)
    low = _read64(data, 0) ^ _read64(SECRET, 24) ^ _read64(SECRET, 32)
    high = _read64(data, size - 8) ^ _read64(SECRET, 40) ^ _read64(SECRET, 48)
    return _avalanche((size + _swap64(low) + high + _fold_product(low, high)) & MASK_64)


def _hash_17_to_128(data):
    size = len(data)
    total = size * PRIME64_1
    for pair in range((size - 1) // 32, -1, -1):
        total += _mix16(data, 16 * pair, 32 * pair)
        total += _mix16(data, size - 16 * (pair + 1), 32 * pair + 16)
    return _avalanche(total & MASK_64)


def _hash_129_to_240(data):
    size = len(data)
    total = size * PRIME64_1
    for block in range(8):
        total += _mix16(data, 16 * block, 16 * block)
    total = _avalanche(total & MASK_64)
    for block in range(8, size // 16):
        total += _mix16(data, 16 * block, 16 * (block - 8) + 3)
    total += _mix16(data, size - 16, 136 - 17)
    return _avalanche(total & MASK_64)


def xxh3_64(data):
    """XXH3_64bits of `data`, as an unsigned number."""
    size = len(data)
    if size == 0:
        return _avalanche_xxh64(_read64(SECRET, 56) ^ _read64(SECRET, 64))
    if size <= 3:
        return _hash_1_to_3(data)
    if size <= 8:
        return _hash_4_to_8(data)
    if size <= 16:
        return _hash_9_to_16(data)
    if size <= 128:
        return _hash_17_to_128(data)
    if size <= 240:
        return _hash_129_to_240(data)
    raise ValueError(f"an id of {size} bytes: this XXH3 stops at 240")
