#include "requantize.c"

/* Values of another type and scale: TFLM, tensorflow/lite/kernels/internal/reference/requantize.h. */
static void TYPED(rescale)(const FROM *input, TO *output, int32_t count, const int32_t of[4]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t x = requantize(input[i] - of[0], of[1], of[2]) + of[3];
    output[i] = (TO)(x < TO_MIN ? TO_MIN : x > TO_MAX ? TO_MAX : x);
  }
}
