/* Values as pairs of 16 bits: of every four the even ones in one word, the odd ones four words further, where those of
   the next three pixels lie between. */
static inline void widen(const int8_t *from, int32_t *to, int32_t fours) {
  for (; fours > 0; fours--, from += 4, to += 8) {
    const uint32_t x = word(from);
    to[0] = even16(x);
    to[4] = odd16(x);
  }
}
