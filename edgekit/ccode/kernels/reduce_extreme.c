/* The largest values over axes (the smallest, if `sign` is -1): TFLM, tensorflow/lite/kernels/internal/reference/reduce.h,
   ReduceGeneric. `size` and `step`: of three axes that stay and of three that are searched. */
static void reduce_extreme(const int8_t *input, int8_t *output, const int32_t size[6], const int32_t step[6],
                           int32_t sign) {
  const int32_t count = size[5], apart = step[5];
  for (int32_t a = 0; a < size[0]; a++) {
    for (int32_t b = 0; b < size[1]; b++) {
      for (int32_t c = 0; c < size[2]; c++) {
        const int8_t *const start = input + a * step[0] + b * step[1] + c * step[2];
        int8_t most = *start;
        for (int32_t d = 0; d < size[3]; d++) {
          for (int32_t e = 0; e < size[4]; e++) {
            const int8_t *x = start + d * step[3] + e * step[4];
            for (int32_t f = 0; f < count; f++) {
              const int8_t next = x[f * apart];
              most = next * sign > most * sign ? next : most;
            }
          }
        }
        *output++ = most;
      }
    }
  }
}
