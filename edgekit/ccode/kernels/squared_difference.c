#include "clamp.c"
#include "requantize.c"

/* Squares of differences of two tensors of one shape: TFLM, tensorflow/lite/micro/kernels/squared_difference.cc. */
static void squared_difference(const int8_t *one, const int8_t *other, int8_t *output, int32_t count,
                               const int32_t of[9]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t a = requantize((one[i] - of[0]) * (1 << 7), of[1], of[2]);
    const int32_t b = requantize((other[i] - of[3]) * (1 << 7), of[4], of[5]);
    output[i] = clamp(requantize((a - b) * (a - b), of[6], of[7]) + of[8], -128, 127);
  }
}
