#include "requantize.c"
#include "clamp16.c"

/* Values with another scale, one factor above the zero point and one below: TFLM,
   tensorflow/lite/kernels/internal/reference/requantize.h, leaky_relu.h. */
static void rescale16(const int16_t *input, int16_t *output, int32_t count, const int32_t of[8]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t x = input[i] - of[0];
    const int32_t *const factor = x < 0 ? of + 3 : of + 1;
    output[i] = clamp16(requantize(x, factor[0], factor[1]) + of[5], of[6], of[7]);
  }
}
