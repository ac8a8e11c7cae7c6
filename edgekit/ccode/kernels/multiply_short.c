#include "clamp.c"
#include "scaled.c"

/* `multiply` with a factor that `scaled` takes, of whose shift to the right the number is. */
static void multiply_short(const int8_t *one, const int8_t *other, int8_t *output, int32_t count, const int32_t of[7]) {
  for (int32_t i = 0; i < count; i++) {
    const int32_t product = (one[i] - of[0]) * (other[i] - of[1]);
    output[i] = clamp(scaled(product, of[2], of[3]) + of[4], of[5], of[6]);
  }
}
