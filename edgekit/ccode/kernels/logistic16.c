#include "sigmoids.c"

/* The sigmoid of x * multiplier / 3 / 2^(12 + right), with 15 bits behind the point: TFLM,
   tensorflow/lite/kernels/internal/reference/integer_ops/logistic.h. */
static void logistic16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t right) {
  const int32_t half = (int32_t)((uint32_t)1 << right >> 1);
  for (int32_t i = 0; i < count; i++) {
    const int32_t x = (input[i] * multiplier + half) >> right, apart = x < 0 ? -x : x, knot = apart >> 9;
    int32_t y = 32767 * 1024;
    if (knot < 255) y = SIGMOID[knot] * 512 + (apart & 511) * (SIGMOID[knot + 1] - SIGMOID[knot]);
    output[i] = (int16_t)((x < 0 ? (1 << 25) - y + 511 : y + 512) >> 10);
  }
}
