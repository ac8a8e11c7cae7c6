/* Copies values between places that lie apart by fixed steps of bytes: transposes, slices, joins, padding, broadcasts. */
static void copy(const void *input, void *output, const int32_t size[6], const int32_t from[6], const int32_t to[6]) {
  const int32_t count = size[5], x_step = from[5], y_step = to[5], whole = x_step == 1 && y_step == 1 && count >= 16;
  for (int32_t a = 0; a < size[0]; a++) {
    for (int32_t b = 0; b < size[1]; b++) {
      for (int32_t c = 0; c < size[2]; c++) {
        for (int32_t d = 0; d < size[3]; d++) {
          int32_t p = a * from[0] + b * from[1] + c * from[2] + d * from[3];
          int32_t q = a * to[0] + b * to[1] + c * to[2] + d * to[3];
          for (int32_t e = size[4]; e > 0; e--, p += from[4], q += to[4]) {
            const int8_t *const x = (const int8_t *)input + p;
            int8_t *const y = (int8_t *)output + q;
            if (whole) {
              memcpy(y, x, (size_t)count);
            } else {
              for (int32_t f = 0; f < count; f++) y[f * y_step] = x[f * x_step];
            }
          }
        }
      }
    }
  }
}
