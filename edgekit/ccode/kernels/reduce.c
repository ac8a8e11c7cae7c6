#include "clamp.c"
#include "requantize.c"

/* Sums or means over axes: TFLM, tensorflow/lite/kernels/internal/reference/reduce.h, QuantizedMeanOrSum. `size` and
   `step`: of three axes that stay and of three that are summed over. */
static void TYPED(reduce)(const VALUE *input, VALUE *output, const int32_t size[6], const int32_t step[6],
                   const int32_t of[4]) {
  const int32_t count = size[5], apart = step[5];
  for (int32_t a = 0; a < size[0]; a++) {
    for (int32_t b = 0; b < size[1]; b++) {
      for (int32_t c = 0; c < size[2]; c++) {
        int32_t sum = of[0];
        for (int32_t d = 0; d < size[3]; d++) {
          for (int32_t e = 0; e < size[4]; e++) {
            const VALUE *x = input + a * step[0] + b * step[1] + c * step[2] + d * step[3] + e * step[4];
            for (int32_t f = 0; f < count; f++) sum += x[f * apart];
          }
        }
        *output++ = TYPED(clamp)(requantize(sum, of[1], of[2]) + of[3], VALUE_MIN, VALUE_MAX);
      }
    }
  }
}
