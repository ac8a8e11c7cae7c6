#include "requantize.c"
#include "clamp16.c"

/* Values of 8 bits in 16: TFLM, tensorflow/lite/kernels/internal/reference/requantize.h. */
static void rescale_from_8(const int8_t *input, int16_t *output, int32_t count, const int32_t of[4]) {
  for (int32_t i = 0; i < count; i++) {
    output[i] = clamp_s16(requantize(input[i] - of[0], of[1], of[2]) + of[3], INT16_MIN, INT16_MAX);
  }
}
