#include "clamp.c"
#include "requantize.c"

/* Values with another scale, between 0 and 1: LiteRT, tflite/kernels/activations.cc, QuantizedReluX. */
static void relu_0_to_1(const int8_t *input, int8_t *output, int32_t count, const int32_t of[6]) {
  for (int32_t i = 0; i < count; i++) {
    output[i] = clamp(requantize(input[i] - of[0], of[1], of[2]) + of[3], of[4], of[5]);
  }
}
