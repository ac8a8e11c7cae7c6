#include "requantize.c"
#include "clamp16.c"

/* The sum of one output as it is stored: TFLM, tensorflow/lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier
   of 64 bits, which takes 16 bits of the multiplier, and that of 32 bits where it is rounded twice. */
static int16_t ended16(const linear16 *of, int32_t c, int64_t sum, int32_t low, int32_t high) {
  const int32_t multiplier = of->multiplier[c], right = 32 + (of->shift ? of->shift[c] : 0);
  if (of->twice) return clamp16(requantize((int32_t)sum, multiplier, -right), low, high);
  if (!of->shift) sum = (int32_t)sum;
  return clamp16((int32_t)((sum * multiplier + ((int64_t)1 << (right - 1))) >> right), low, high);
}
