#include "clamp.c"
#include "scaled.c"

/* `add` with factors that `scaled` takes, of whose shifts to the right the numbers are. */
static void add_short(const int8_t *one, const int8_t *other, int8_t *output, int32_t count, const int32_t of[13]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t a = scaled((one[i] - of[0]) * (1 << 20), of[1], of[2]);
    const int32_t b = scaled((other[i] - of[3]) * (1 << 20), of[4], of[5]);
    output[i] = clamp(scaled(a + b * of[12], of[6], of[7]) + of[8], of[9], of[10]);
  }
}
