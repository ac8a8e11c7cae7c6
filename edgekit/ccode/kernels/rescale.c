#include "requantize.c"

/* Values of another type and scale: TFLM, tensorflow/lite/kernels/internal/reference/requantize.h. */
static void rescale_FROM_TO(const FROM_t *input, TO_t *output, int32_t count, const int32_t of[4]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t x = requantize(input[i] - of[0], of[1], of[2]) + of[3];
    output[i] = (TO_t)(x < LOW ? LOW : x > HIGH ? HIGH : x);
  }
}
