#include "requantize.c"
#include "clamp16.c"

/* Values with another scale, one factor above 0 and one below: TFLM,
   tensorflow/lite/kernels/internal/reference/requantize.h, leaky_relu.h. */
static void rescale16(const int16_t *input, int16_t *output, int32_t count, const int32_t of[6]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t *const factor = input[i] < 0 ? of + 2 : of;
    output[i] = clamp16(requantize(input[i], factor[0], factor[1]), of[4], of[5]);
  }
}
