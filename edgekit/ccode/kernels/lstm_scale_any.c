#include "requantize.c"

static inline int32_t gate_scale(int32_t x, const int32_t factor[4]) { return requantize(x, factor[0], -factor[3]); }
