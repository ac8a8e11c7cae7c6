/* Stores the sums of two neighbouring channels of up to four pixels, which lie `stride` bytes apart. A function of its
   own, so that neither this loop nor that of the sums runs out of registers. */
static __attribute__((noinline)) void finish_pair(const linear *of, int32_t c, const int32_t *sums, int8_t *to,
                                                  int32_t stride, int32_t lanes) {
  const int32_t zero = of->zero, low = of->low, high = of->high, pair = c + 1 < of->channels;
  for (int32_t side = 0; side <= pair; side++) {
    const int32_t multiplier = of->multiplier[c + side], right = of->shift[c + side];
    int8_t *at = to + side;
    if (low == -128 && high == 127) {
      for (int32_t lane = 0; lane < lanes; lane++, at += stride) {
        *at = finish(sums[2 * lane + side], multiplier, right, zero, -128, 127);
      }
    } else {
      for (int32_t lane = 0; lane < lanes; lane++, at += stride) {
        *at = finish(sums[2 * lane + side], multiplier, right, zero, low, high);
      }
    }
  }
}
