/* Copies values between places that lie apart by fixed steps of bytes: transposes, slices, joins, padding, broadcasts. */
static void copy(const void *input, void *output, const int32_t size[6], const int32_t from[6], const int32_t to[6]) {
  for (int32_t a = 0; a < size[0]; a++) {
    for (int32_t b = 0; b < size[1]; b++) {
      for (int32_t c = 0; c < size[2]; c++) {
        for (int32_t d = 0; d < size[3]; d++) {
          for (int32_t e = 0; e < size[4]; e++) {
            const int8_t *x = (const int8_t *)input + a * from[0] + b * from[1] + c * from[2] + d * from[3] + e * from[4];
            int8_t *y = (int8_t *)output + a * to[0] + b * to[1] + c * to[2] + d * to[3] + e * to[4];
            for (int32_t f = 0; f < size[5]; f++) y[f * to[5]] = x[f * from[5]];
          }
        }
      }
    }
  }
}
