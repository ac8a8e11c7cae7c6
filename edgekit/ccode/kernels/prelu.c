#include "clamp.c"
#include "requantize.c"

/* PReLU with a slope for each value: TFLM, tensorflow/lite/kernels/internal/reference/prelu.h. */
static void prelu(const int8_t *input, const int8_t *slopes, int8_t *output, int32_t count, const int32_t of[7]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t x = input[i] - of[0];
    const int32_t y = x >= 0 ? requantize(x, of[2], of[3]) : requantize(x * (slopes[i] - of[1]), of[4], of[5]);
    output[i] = clamp(y + of[6], -128, 127);
  }
}
