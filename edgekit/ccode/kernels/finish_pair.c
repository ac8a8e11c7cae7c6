/* Stores the sums of two neighbouring channels of up to four pixels, which lie `stride` bytes apart. A function of its
   own, so that neither this nor the loop of the sums runs out of registers. */
static __attribute__((noinline)) void finish_pair(const linear *of, int32_t c, const int32_t *sums, int8_t *to,
                                                  int32_t stride, int32_t lanes) {
  const int32_t zero = of->zero, low = of->low, high = of->high, pair = c + 1 < of->channels;
  for (int32_t side = 0; side <= pair; side++, sums++, to++) {
    const int32_t multiplier = of->multiplier[c + side], right = of->shift[c + side];
    if (lanes == 4 && low == -128 && high == 127) {
      to[0] = finish(sums[0], multiplier, right, zero, -128, 127);
      to[stride] = finish(sums[2], multiplier, right, zero, -128, 127);
      to[2 * stride] = finish(sums[4], multiplier, right, zero, -128, 127);
      to[3 * stride] = finish(sums[6], multiplier, right, zero, -128, 127);
      continue;
    }
    for (int32_t lane = 0; lane < lanes; lane++) {
      to[lane * stride] = finish(sums[2 * lane], multiplier, right, zero, low, high);
    }
  }
}
