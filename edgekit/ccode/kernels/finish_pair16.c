/* The upper half of the product of a sum that has 32 bits, rounded. */
static inline int32_t upper16(sum16 sum, int32_t multiplier) {
  return (int32_t)(((int64_t)(int32_t)sum * multiplier + ((int64_t)1 << 31)) >> 32);
}

/* Stores the sums of two neighbouring channels of up to four pixels, which lie `stride` values apart. */
static __attribute__((noinline)) void finish_pair16(const linear16 *of, int32_t c, const sum16 *sums, int16_t *to,
                                                    int32_t stride, int32_t lanes) {
  const int32_t low = of->low, high = of->high, pair = c + 1 < of->channels;
  for (int32_t side = 0; side <= pair; side++, sums++, to++) {
    if (lanes < 4 || of->shift) {
      for (int32_t lane = 0; lane < lanes; lane++) {
        to[lane * stride] = ended16(of, c + side, sums[2 * lane], low, high);
      }
      continue;
    }
    const int32_t multiplier = of->multiplier[c + side];
    const int32_t x = upper16(sums[0], multiplier), y = upper16(sums[2], multiplier);
    const int32_t z = upper16(sums[4], multiplier), w = upper16(sums[6], multiplier);
    if (low == INT16_MIN && high == INT16_MAX) {
      to[0] = clamp16(x, INT16_MIN, INT16_MAX);
      to[stride] = clamp16(y, INT16_MIN, INT16_MAX);
      to[2 * stride] = clamp16(z, INT16_MIN, INT16_MAX);
      to[3 * stride] = clamp16(w, INT16_MIN, INT16_MAX);
      continue;
    }
    to[0] = clamp16(x, low, high);
    to[stride] = clamp16(y, low, high);
    to[2 * stride] = clamp16(z, low, high);
    to[3 * stride] = clamp16(w, low, high);
  }
}
