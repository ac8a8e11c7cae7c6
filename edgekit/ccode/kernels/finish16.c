#include "clamp16.c"

/* The sum of one output as it is stored: TFLM, tensorflow/lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier
   of 64 bits, which takes 16 bits of the multiplier; here they are made ready for a shift by 32 or more. */
static inline int16_t ended16(const linear16 *of, int32_t c, int32_t sum, int32_t low, int32_t high) {
  const int32_t right = of->shift ? of->shift[c] : 0;
  const int64_t product = (int64_t)sum * of->multiplier[c] + ((int64_t)1 << (31 + right));
  return clamp16((int32_t)(product >> 32) >> right, low, high);
}
