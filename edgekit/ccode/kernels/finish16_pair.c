/* Stores the sums of two neighbouring channels of up to four pixels, which lie `stride` values apart. */
static __attribute__((noinline)) void finish16_pair(const linear16 *of, int32_t c, const sum16 *sums, int16_t *to,
                                                    int32_t stride, int32_t lanes) {
  const int32_t low = of->low, high = of->high, pair = c + 1 < of->channels;
  for (int32_t side = 0; side <= pair; side++, sums++, to++) {
    if (lanes == 4 && low == INT16_MIN && high == INT16_MAX) {
      to[0] = finish16(of, c + side, sums[0], INT16_MIN, INT16_MAX);
      to[stride] = finish16(of, c + side, sums[2], INT16_MIN, INT16_MAX);
      to[2 * stride] = finish16(of, c + side, sums[4], INT16_MIN, INT16_MAX);
      to[3 * stride] = finish16(of, c + side, sums[6], INT16_MIN, INT16_MAX);
      continue;
    }
    for (int32_t lane = 0; lane < lanes; lane++) {
      to[lane * stride] = finish16(of, c + side, sums[2 * lane], low, high);
    }
  }
}
