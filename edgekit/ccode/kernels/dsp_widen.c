/* Values as pairs of 16 bits: of every four the even ones in one word, the odd ones in the next, which is `step` words
   further. What is left of the last four is zero. */
static void widen(const int8_t *from, int32_t *to, int32_t count, int32_t step) {
  for (; count >= 4; count -= 4, from += 4, to += 2 * step) {
    const uint32_t x = word(from);
    to[0] = even16(x);
    to[step] = odd16(x);
  }
  if (count > 0) {
    int8_t last[4] = {0, 0, 0, 0};
    memcpy(last, from, (size_t)count);
    to[0] = even16(word(last));
    to[step] = odd16(word(last));
  }
}
