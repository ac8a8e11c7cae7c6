#include "clamp.c"
#include "requantize.c"

/* Values of 16 bits in 8: TFLM, tensorflow/lite/kernels/internal/reference/requantize.h. */
static void rescale_to_8(const int16_t *input, int8_t *output, int32_t count, const int32_t of[4]) {
  for (int32_t i = 0; i < count; i++) {
    output[i] = clamp_s8(requantize(input[i] - of[0], of[1], of[2]) + of[3], INT8_MIN, INT8_MAX);
  }
}
