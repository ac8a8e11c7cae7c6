/* Adds all products to the sums of two output channels of four pixels, so many at a time as 32 bits can hold. */
static void dots16(const linear16 *of, const int8_t *scratch, const int8_t *weights, int32_t steps, int64_t sums[8]) {
  const int16_t *patch = (const int16_t *)(const void *)scratch;
  for (int32_t left = steps; left > 0; left -= of->block) {
    int32_t part[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    products16(patch, weights, left < of->block ? left : of->block, part);
    for (int32_t i = 0; i < 8; i++) sums[i] += part[i];
    patch += 4 * of->block;
    weights += 2 * of->block;
  }
}
