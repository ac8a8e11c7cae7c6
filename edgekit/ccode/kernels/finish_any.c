#include "requantize.c"

/* The sum of an output as it is stored. */
static inline int8_t finish(int32_t sum, int32_t multiplier, int32_t right, int32_t zero, int32_t low, int32_t high) {
  return limited(requantize(sum, multiplier, -right) + zero, low, high);
}
