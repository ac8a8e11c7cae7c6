#include "sigmoids.c"

/* tanh of x * multiplier / 3 / 2^(12 + right), with 15 bits behind the point: TFLM,
   tensorflow/lite/kernels/internal/reference/integer_ops/tanh.h. */
static void tanh16(const int16_t *input, int16_t *output, int32_t count, int32_t multiplier, int32_t right) {
  const int32_t half = (int32_t)((uint32_t)1 << right >> 1);
  for (int32_t i = 0; i < count; i++) {
    const int32_t x = (input[i] * multiplier + half) >> right, apart = x < 0 ? -x : x, knot = apart >> 8;
    int32_t y = 65535 * 256;
    if (knot < 255) y = SIGMOID[knot] * 256 + (apart & 255) * (SIGMOID[knot + 1] - SIGMOID[knot]);
    output[i] = (int16_t)((x < 0 ? (1 << 23) - y + 127 : y - (1 << 23) + 128) >> 8);
  }
}
