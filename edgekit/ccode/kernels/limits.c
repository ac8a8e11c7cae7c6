#include "clamp.c"

static inline int8_t limited(int32_t x, int32_t low, int32_t high) { return clamp(x, low, high); }
